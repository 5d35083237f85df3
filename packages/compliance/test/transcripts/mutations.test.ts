import { layouts, type DeviceTrace, type VariableCategory, type VariableField } from '@vmbus/core'
import {
  classesOf,
  diff,
  normalise,
  variableInMessage,
  variableInPacket,
  variableInTransfer,
  type Entry,
  type Normalised,
} from '@vmbus/trace'
import { describe, expect, test } from 'vitest'
import { DEVICES } from './devices.ts'
import { fixtures } from './fixtures.ts'
import { oneOfEachCommand } from './scenarios/storage.ts'
import { scenarios } from './scenarios/index.ts'

const OFFER = 1
/**
 * Beyond it there are only long fields: the shutdown component's text, a value of a key, the data of a file. Every 64th of
 * their bytes is flipped.
 */
const ALL_BYTES = 256

const classes = classesOf(DEVICES)

interface Offered {
  readonly relid: number
  readonly trace: DeviceTrace | undefined
}

/** A transcript's channels by name, as its offers introduce them. */
function offers({ control }: Normalised): Map<string, Offered> {
  const found = new Map<string, Offered>()
  for (const { to, bytes } of control) {
    if (to !== 'guest' || bytes[0] !== OFFER) continue
    const { interfaceId, instanceId, subchannelIndex, relid } = layouts.offerChannel.parse(bytes)
    found.set(`${interfaceId}/${instanceId}/${subchannelIndex}`, { relid, trace: classes.traceOf(interfaceId) })
  }
  return found
}

/** The exchange as it could have been recorded: a normalised transcript is one whose ids were chosen in order. */
function entriesOf(transcript: Normalised, channels: Map<string, Offered>): Entry[] {
  return [
    ...transcript.control.map(({ to, bytes }): Entry => ({
      time: 0,
      kind: 'message',
      to,
      vp: 0,
      connection: 1,
      bytes,
    })),
    ...Object.entries(transcript.channels).flatMap(([name, lines]) =>
      lines.map(({ to, bytes, format }): Entry => {
        const shared = { time: 0, to, relid: channels.get(name)?.relid ?? 0, bytes }
        return format === undefined ? { kind: 'packet', ...shared } : { kind: 'transfer', format, ...shared }
      }),
    ),
  ]
}

function fieldsOf(
  entry: Exclude<Entry, { kind: 'note' }>,
  traces: ReadonlyMap<number, DeviceTrace | undefined>,
): VariableField[] {
  if (entry.kind === 'message') return variableInMessage(entry.bytes)
  if (entry.kind === 'transfer') return variableInTransfer(entry.to, entry.bytes, classes.transferOf(entry.format))
  return variableInPacket(entry.bytes, traces.get(entry.relid))
}

/** What the normaliser says of a byte of an entry: nothing, or the field that it is part of. */
function categoryOf(
  entry: Exclude<Entry, { kind: 'note' }>,
  byte: number,
  fields: readonly VariableField[],
): { category: VariableCategory; value: string } | undefined {
  const field = fields.find(({ offset, size }) => byte >= offset && byte < offset + size)
  if (field === undefined) return undefined
  const scope = PER_CHANNEL.has(field.category) && entry.kind !== 'message' ? `${entry.relid}:` : ''
  // The offset into its page is no address of the guest's choice: it stays.
  if (field.category === 'gpa' && byte === field.offset) return undefined
  const page = Array.from(entry.bytes.subarray(field.offset, field.offset + field.size))
  return {
    category: field.category,
    value: `${field.category === 'gpa' ? 'pfn' : field.category}:${scope}${page.join()}`,
  }
}

const PER_CHANNEL: ReadonlySet<VariableCategory> = new Set(['transaction', 'request', 'identification', 'page'])
const HIDDEN: ReadonlySet<VariableCategory> = new Set(['time', 'unset'])
const GPADL_BODY = 9

interface Sample {
  readonly of: readonly string[]
  /** Fewest flips of bytes that are left, of ids, and of what is hidden, so that none of them is an empty promise. */
  readonly least: { readonly left: number; readonly ids: number; readonly hidden: number }
  /** Packets of each channel that are flipped: the first, or the last if it is negative; default all. */
  readonly packets?: number
  /** Another way to leave out what is there more than once. */
  readonly shorten?: (transcript: Normalised) => Normalised
  /** Bodies of GPADLs that are kept, of buffers with thousands of pages; default all. */
  readonly bodies?: number
  /** Bytes of packets that a comparison by relations leaves to each guest. */
  readonly measured?: (packet: Uint8Array, byte: number) => boolean
}

/** The payload of a packet begins at byte 16. */
const [DM_TYPE, DM_AVAILABLE, DM_RANGES] = [16, 24, 32]
const DmType = { status: 5, ballooned: 7, unballoon: 8 } as const

/** Which pages are given up and how much is available: the lowest byte of either says little of the rest. */
function isMeasuredMemory(packet: Uint8Array, byte: number): boolean {
  const type = packet[DM_TYPE]
  if (type === DmType.status) return byte === DM_AVAILABLE
  return (type === DmType.ballooned || type === DmType.unballoon) && byte >= DM_RANGES && byte % 8 === 0
}

/** The newest host and the oldest, and whatever a scenario adds to the core. */
const SAMPLE: Readonly<Record<string, Sample>> = {
  core: { of: ['debian-12-686/ws2022', 'debian-11-686/ws2008'], least: { left: 2000, ids: 50, hidden: 16 } },
  // Exchanges repeat each other for other units and sectors: the first of each command stands for the rest.
  storvsc: {
    of: ['debian-12-686-pae/ws2012', 'debian-11-686/ws2008r2'],
    least: { left: 2000, ids: 50, hidden: -1 },
    shorten: oneOfEachCommand,
  },
  netvsc: {
    of: ['debian-11-686/ws2022'],
    least: { left: 5000, ids: 500, hidden: 200 },
    bodies: 4,
  },
  // It is set up as the one above; here is how it ends.
  'netvsc-unload': {
    of: ['debian-12-686-pae/ws2012r2'],
    least: { left: 1000, ids: 50, hidden: 20 },
    packets: -12,
    bodies: 4,
  },
  // Negotiation, and a request with its answer, of each channel; none has a time.
  services: { of: ['debian-12-686-pae/ws2025'], least: { left: 2500, ids: 50, hidden: -1 }, packets: 4 },
  'balloon-reports': {
    of: ['debian-12-686-pae/ws2012r2'],
    least: { left: 1500, ids: 20, hidden: 20 },
    measured: isMeasuredMemory,
  },
}
const sample = Object.entries(SAMPLE).flatMap(([scenario, { of, ...bounds }]) =>
  fixtures(scenario, of).map((fixture) => ({
    ...fixture,
    ...bounds,
    comparable: scenarios.find(({ name }) => name === scenario)?.comparable,
    compare: scenarios.find(({ name }) => name === scenario)?.compare ?? diff,
    name: `${scenario}: ${fixture.kernel} on ${fixture.host}`,
  })),
)

/** Of each channel the first or last packets only, and of the pages that were granted the first. */
function shortened({ control, channels }: Normalised, packets = Infinity, bodies = Infinity): Normalised {
  let left = bodies
  return {
    control: control.filter(({ bytes }) => bytes[0] !== GPADL_BODY || left-- > 0),
    channels: Object.fromEntries(
      Object.entries(channels).map(([name, lines]) => [
        name,
        packets < 0 ? lines.slice(packets) : lines.slice(0, packets),
      ]),
    ),
  }
}

test('every scenario that has a sample was recorded', () => {
  expect(sample.map(({ name }) => name)).toHaveLength(Object.values(SAMPLE).flatMap(({ of }) => of).length)
})

describe.each(sample.map((fixture) => [fixture.name, fixture] as const))(
  '%s',
  (_name, { least, packets, bodies, shorten, measured, comparable, compare, provenance, ...whole }) => {
    const channels = offers(whole.transcript)
    const traces = new Map([...channels.values()].map(({ relid, trace }) => [relid, trace]))
    const short = shorten?.(whole.transcript) ?? shortened(whole.transcript, packets, bodies)
    const entries = entriesOf(short, channels)
    const transcript = normalise(entries, DEVICES)

    test('is its own normal form', () => {
      expect(diff(normalise(entriesOf(whole.transcript, channels), DEVICES), whole.transcript)).toEqual([])
    })

    test('shows a flip of any byte that is left, and of any id that is used twice; times and what no field has never show', () => {
      const uses = new Map<string, number>()
      for (const entry of entries) {
        if (entry.kind === 'note') continue
        const seen = new Set<string>()
        const fields = fieldsOf(entry, traces)
        for (let byte = 0; byte < entry.bytes.length; byte++) {
          const field = categoryOf(entry, byte, fields)
          if (field !== undefined) seen.add(field.value)
        }
        for (const value of seen) uses.set(value, (uses.get(value) ?? 0) + 1)
      }
      const compared = comparable?.(transcript) ?? transcript
      const counts = { left: 0, ids: 0, hidden: 0 }
      for (const [index, entry] of entries.entries()) {
        if (entry.kind === 'note') continue
        const fields = fieldsOf(entry, traces)
        for (let byte = 0; byte < entry.bytes.length; byte += byte < ALL_BYTES ? 1 : 64) {
          const field = categoryOf(entry, byte, fields)
          const isHidden = field !== undefined && HIDDEN.has(field.category)
          if (field !== undefined && !isHidden && (uses.get(field.value) ?? 0) < 2) continue
          const bytes = entry.bytes.slice()
          bytes[byte] = (bytes[byte] ?? 0) ^ 0xff
          const flipped = normalise(entries.with(index, { ...entry, bytes }), DEVICES)
          const shows = compare(flipped, transcript, provenance).length > 0
          if (entry.kind === 'packet' && measured?.(entry.bytes, byte) === true) {
            counts.hidden++
            continue
          }
          if (field === undefined) {
            if (!shows || (comparable !== undefined && diff(comparable(flipped), compared).length === 0))
              throw new Error(`byte ${byte} of entry ${index} does not show`)
            counts.left++
          } else if (isHidden) {
            if (shows) throw new Error(`${field.category} ${byte} of entry ${index} shows`)
            counts.hidden++
          } else {
            if (!shows) throw new Error(`${field.category} ${byte} of entry ${index} does not show`)
            counts.ids++
          }
        }
      }
      expect(counts.left).toBeGreaterThan(least.left)
      expect(counts.ids).toBeGreaterThan(least.ids)
      expect(counts.hidden).toBeGreaterThan(least.hidden)
    })
  },
)
