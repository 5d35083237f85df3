import {
  MessageId,
  layouts,
  type DeviceTrace,
  type VariableCategory as Category,
  type VariableField,
} from '@vmbus/core'
import { classesOf, type TracedDevice } from './devices.ts'
import { lentPages, type LentPages } from './lent-pages.ts'
import type { Entry } from './transcript.ts'
import { variableInMessage, variableInPacket, variableInTransfer, type FieldValue } from './variable.ts'

/** A transcript without what two runs of the same exchange may differ in: see variable.ts. */
export interface Normalised {
  /** Channel messages in order. `to` is the receiver. */
  readonly control: readonly Line[]
  /** Packets of each channel in order, each with its transfers after it, by `interface/instance/subchannel`. */
  readonly channels: Readonly<Record<string, readonly Line[]>>
}

export interface Line {
  readonly to: 'host' | 'guest'
  readonly bytes: Uint8Array
  /** What the packet before it named: how its bytes are read, such as `rndis`. */
  readonly format?: string
}

interface Offered {
  readonly name: string
  readonly trace?: DeviceTrace | undefined
}

/** Names in order of first appearance, from 1; 0 stays 0, which no category chooses. */
function renamer(): (category: Category, value: FieldValue) => number {
  const all = new Map<Category, Map<FieldValue, number>>()
  return (category, value) => {
    if (value === 0) return 0
    const names = all.get(category) ?? new Map<FieldValue, number>()
    all.set(category, names)
    const known = names.get(value)
    if (known !== undefined) return known
    const next = names.size + 1
    names.set(value, next)
    return next
  }
}

const HIGH = 2 ** 32
/** High words from here on make no safe integer. */
const INEXACT = 2 ** 21
const PAGE = 4096

function read(view: DataView, offset: number, size: 4 | 8): FieldValue {
  const low = view.getUint32(offset, true)
  if (size === 4) return low
  const high = view.getUint32(offset + 4, true)
  return high < INEXACT ? high * HIGH + low : view.getBigUint64(offset, true)
}

function named(
  category: Category,
  value: FieldValue,
  rename: (category: Category, value: FieldValue) => number,
): number {
  if (category === 'time' || category === 'unset') return 0
  if (category !== 'gpa') return rename(category, value)
  const [pfn, within] =
    typeof value === 'number'
      ? [Math.floor(value / PAGE), value % PAGE]
      : [Number(value >> 12n), Number(value & 0xfffn)]
  return rename('pfn', pfn) * PAGE + within
}

function rewritten(
  bytes: Uint8Array,
  fields: readonly VariableField[],
  rename: (category: Category, value: FieldValue) => number,
): Uint8Array {
  const copy = bytes.slice()
  if (fields.length === 0) return copy
  const view = new DataView(copy.buffer)
  for (const { offset, size, category } of fields) {
    if (size === 2) {
      renameIdentification(view, offset, (value) => rename(category, value) & 0xffff)
      continue
    }
    const name = named(category, read(view, offset, size), rename)
    view.setUint32(offset, name % HIGH, true)
    if (size === 8) view.setUint32(offset + 4, Math.floor(name / HIGH), true)
  }
  return copy
}

/** The header checksum of IPv4 stands six bytes after the identification. */
const CHECKSUM_AFTER = 6

/** A packet's id is part of its header's checksum, which changes by what the id changes (RFC 1624). */
function renameIdentification(view: DataView, offset: number, rename: (value: number) => number): void {
  const before = view.getUint16(offset)
  const after = rename(before)
  view.setUint16(offset, after)
  const sum = (~view.getUint16(offset + CHECKSUM_AFTER) & 0xffff) + (~before & 0xffff) + after
  const folded = (sum & 0xffff) + (sum >>> 16)
  view.setUint16(offset + CHECKSUM_AFTER, ~((folded & 0xffff) + (folded >>> 16)) & 0xffff)
}

/**
 * Messages first, then each channel's packets: names are given in that order, whatever the two were interleaved. `devices` know
 * what of their packets a guest chooses.
 */
export function normalise(entries: readonly Entry[], devices: Iterable<TracedDevice>): Normalised {
  const { traceOf, transferOf } = classesOf(devices)
  const rename = renamer()
  const control: Line[] = []
  const offered = new Map<number, Offered>()
  // A relid that is offered again after its release is another channel: packets follow the offer that was in force.
  const packets: { readonly channel: Offered; readonly entry: Extract<Entry, { kind: 'packet' | 'transfer' }> }[] = []
  for (const entry of entries) {
    if (entry.kind === 'packet' || entry.kind === 'transfer') {
      const channel = offered.get(entry.relid) ?? { name: `relid ${entry.relid}` }
      packets.push({ channel, entry })
    } else if (entry.kind === 'message') {
      const { bytes } = entry
      if (bytes.length >= layouts.offerChannel.size && bytes[0] === MessageId.offerChannel && entry.to === 'guest') {
        const offer = layouts.offerChannel.parse(bytes)
        const name = `${offer.interfaceId}/${offer.instanceId}/${offer.subchannelIndex}`
        offered.set(offer.relid, { name, trace: traceOf(offer.interfaceId) })
      }
      control.push({ to: entry.to, bytes: rewritten(bytes, variableInMessage(bytes), rename) })
    }
  }
  const channels: Record<string, Line[]> = {}
  // Ids of transactions and requests mean something within one channel only.
  const namings = new Map<string, { readonly own: ReturnType<typeof renamer>; readonly pages: LentPages }>()
  for (const { channel, entry } of packets) {
    const { to } = entry
    const naming = namings.get(channel.name) ?? { own: renamer(), pages: lentPages() }
    namings.set(channel.name, naming)
    const perChannel = (category: Category, value: FieldValue): number =>
      category === 'page'
        ? naming.pages.numberOf(value, entry.bytes)
        : PER_CHANNEL.has(category)
          ? naming.own(category, value)
          : rename(category, value)
    const lines = (channels[channel.name] ??= [])
    if (entry.kind === 'packet') {
      lines.push({ to, bytes: rewritten(entry.bytes, variableInPacket(entry.bytes, channel.trace), perChannel) })
      if (to === 'guest') naming.pages.see(entry.bytes)
    } else {
      const { format, bytes } = entry
      lines.push({
        to,
        format,
        bytes: rewritten(bytes, variableInTransfer(to, bytes, transferOf(format)), perChannel),
      })
    }
  }
  return { control, channels }
}

const PER_CHANNEL: ReadonlySet<Category> = new Set(['transaction', 'request', 'identification'])
