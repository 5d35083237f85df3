import { MessageId, layouts } from '@vmbus/core'
import { PIPE_MODE_FLAG } from '@vmbus/ic'
import type { Entry } from './transcript.ts'
import { variableInMessage, variableInPacket, type Category, type VariableField } from './variable.ts'

/** A transcript without what two runs of the same exchange may differ in: see variable.ts. */
export interface Normalised {
  /** Channel messages in order. `to` is the receiver. */
  readonly control: readonly Line[]
  /** Packets of each channel in order, by `interface/instance/subchannel`. */
  readonly channels: Readonly<Record<string, readonly Line[]>>
}

export interface Line {
  readonly to: 'host' | 'guest'
  readonly bytes: Uint8Array
}

interface Offered {
  readonly name: string
  readonly pipe: boolean
}

/** Names in order of first appearance, from 1; 0 stays 0, which no category chooses. */
function renamer(): (category: Category, value: bigint) => bigint {
  const names = new Map<string, bigint>()
  const counts = new Map<Category, bigint>()
  return (category, value) => {
    if (value === 0n) return 0n
    const key = `${category}:${value}`
    const known = names.get(key)
    if (known !== undefined) return known
    const next = (counts.get(category) ?? 0n) + 1n
    counts.set(category, next)
    names.set(key, next)
    return next
  }
}

function rewritten(
  bytes: Uint8Array,
  fields: readonly VariableField[],
  rename: (category: Category, value: bigint) => bigint,
): Uint8Array {
  const copy = bytes.slice()
  const view = new DataView(copy.buffer)
  for (const { offset, size, category } of fields) {
    const value = size === 8 ? view.getBigUint64(offset, true) : BigInt(view.getUint32(offset, true))
    const named =
      category === 'time'
        ? 0n
        : category === 'gpa'
          ? (rename('pfn', value >> 12n) << 12n) | (value & 0xfffn)
          : rename(category, value)
    if (size === 8) view.setBigUint64(offset, named, true)
    else view.setUint32(offset, Number(named), true)
  }
  return copy
}

/** Messages first, then each channel's packets: names are given in that order, whatever the two were interleaved. */
export function normalise(entries: readonly Entry[]): Normalised {
  const rename = renamer()
  const control: Line[] = []
  const offered = new Map<number, Offered>()
  // A relid that is offered again after its release is another channel: packets follow the offer that was in force.
  const packets: { readonly channel: Offered; readonly entry: Extract<Entry, { kind: 'packet' }> }[] = []
  for (const entry of entries) {
    if (entry.kind === 'packet') {
      const channel = offered.get(entry.relid) ?? { name: `relid ${entry.relid}`, pipe: false }
      packets.push({ channel, entry })
    } else if (entry.kind === 'message') {
      const { bytes } = entry
      if (bytes.length >= layouts.offerChannel.size && bytes[0] === MessageId.offerChannel && entry.to === 'guest') {
        const offer = layouts.offerChannel.parse(bytes)
        const name = `${offer.interfaceId}/${offer.instanceId}/${offer.subchannelIndex}`
        offered.set(offer.relid, { name, pipe: (offer.flags & PIPE_MODE_FLAG) !== 0 })
      }
      control.push({ to: entry.to, bytes: rewritten(bytes, variableInMessage(bytes), rename) })
    }
  }
  const channels: Record<string, Line[]> = {}
  for (const { channel, entry } of packets) {
    const lines = (channels[channel.name] ??= [])
    const perChannel = (category: Category, value: bigint): bigint =>
      category === 'transaction' ? value : rename(category, value)
    lines.push({ to: entry.to, bytes: rewritten(entry.bytes, variableInPacket(entry.bytes, channel.pipe), perChannel) })
  }
  for (const lines of Object.values(channels)) renameTransactions(lines)
  return { control, channels }
}

/** Transaction ids mean something within one channel only. */
function renameTransactions(lines: readonly Line[]): void {
  const rename = renamer()
  for (const { bytes } of lines) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (bytes.length >= 16) view.setBigUint64(8, rename('transaction', view.getBigUint64(8, true)), true)
  }
}
