import { PIPE_MODE_FLAG } from '@vmbus/ic'
import { layouts } from '@vmbus/core'
import {
  diff,
  normalise,
  variableInMessage,
  variableInPacket,
  type Category,
  type Entry,
  type Normalised,
} from '@vmbus/trace'
import { describe, expect, test } from 'vitest'
import { fixtures } from './fixtures.ts'
import { oneOfEachCommand } from './scenarios/storage.ts'
import { scenarios } from './scenarios/index.ts'

const OFFER = 1
/**
 * Beyond it there are only long fields: the shutdown component's text, a value of a key, the data of a file. Every 64th of
 * their bytes is flipped.
 */
const ALL_BYTES = 256

interface Offered {
  readonly relid: number
  readonly pipe: boolean
}

/** A transcript's channels by name, as its offers introduce them. */
function offers({ control }: Normalised): Map<string, Offered> {
  const found = new Map<string, Offered>()
  for (const { to, bytes } of control) {
    if (to !== 'guest' || bytes[0] !== OFFER) continue
    const { interfaceId, instanceId, subchannelIndex, relid, flags } = layouts.offerChannel.parse(bytes)
    found.set(`${interfaceId}/${instanceId}/${subchannelIndex}`, { relid, pipe: (flags & PIPE_MODE_FLAG) !== 0 })
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
      lines.map(({ to, bytes }): Entry => ({
        time: 0,
        kind: 'packet',
        to,
        relid: channels.get(name)?.relid ?? 0,
        bytes,
      })),
    ),
  ]
}

/** What the normaliser says of a byte of an entry: nothing, or the field that it is part of. */
function categoryOf(
  entry: Entry,
  byte: number,
  pipes: ReadonlySet<number>,
): { category: Category; value: string } | undefined {
  if (entry.kind === 'note') return undefined
  const fields =
    entry.kind === 'message' ? variableInMessage(entry.bytes) : variableInPacket(entry.bytes, pipes.has(entry.relid))
  const field = fields.find(({ offset, size }) => byte >= offset && byte < offset + size)
  if (field === undefined) return undefined
  const scope = field.category === 'transaction' && entry.kind === 'packet' ? `${entry.relid}:` : ''
  // The offset into its page is no address of the guest's choice: it stays.
  if (field.category === 'gpa' && byte === field.offset) return undefined
  const page = Array.from(entry.bytes.subarray(field.offset, field.offset + field.size))
  return {
    category: field.category,
    value: `${field.category === 'gpa' ? 'pfn' : field.category}:${scope}${page.join()}`,
  }
}

interface Sample {
  readonly of: readonly string[]
  /** Fewest flips of bytes that are left, of ids, and of what is hidden, so that none of them is an empty promise. */
  readonly least: { readonly left: number; readonly ids: number; readonly hidden: number }
  /** Packets of each channel that are flipped; default all. */
  readonly packets?: number
  /** Another way to leave out what is there more than once. */
  readonly shorten?: (transcript: Normalised) => Normalised
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
  // Negotiation, and a request with its answer, of each channel; none has a time.
  services: { of: ['debian-12-686-pae/ws2025'], least: { left: 2500, ids: 50, hidden: -1 }, packets: 4 },
  'balloon-reports': {
    of: ['debian-12-686-pae/ws2012r2'],
    least: { left: 1500, ids: 20, hidden: 20 },
    measured: isMeasuredMemory,
  },
}
const sample = Object.entries(SAMPLE).flatMap(([scenario, { of, ...bounds }]) =>
  fixtures(scenario)
    .filter(({ kernel, host }) => of.includes(`${kernel}/${host}`))
    .map((fixture) => ({
      ...fixture,
      ...bounds,
      comparable: scenarios.find(({ name }) => name === scenario)?.comparable,
      compare: scenarios.find(({ name }) => name === scenario)?.compare ?? diff,
      name: `${scenario}: ${fixture.kernel} on ${fixture.host}`,
    })),
)

/** Of each channel the first packets only. */
const shortened = ({ control, channels }: Normalised, packets = Infinity): Normalised => ({
  control,
  channels: Object.fromEntries(Object.entries(channels).map(([name, lines]) => [name, lines.slice(0, packets)])),
})

test('every scenario that has a sample was recorded', () => {
  expect(sample.map(({ name }) => name)).toHaveLength(Object.values(SAMPLE).flatMap(({ of }) => of).length)
})

describe.each(sample.map((fixture) => [fixture.name, fixture] as const))(
  '%s',
  (_name, { least, packets, shorten, measured, comparable, compare, provenance, ...whole }) => {
    const transcript = shorten?.(whole.transcript) ?? shortened(whole.transcript, packets)
    const channels = offers(transcript)
    const pipes = new Set([...channels.values()].filter(({ pipe }) => pipe).map(({ relid }) => relid))
    const entries = entriesOf(transcript, channels)

    test('is its own normal form', () => {
      expect(diff(normalise(entries), transcript)).toEqual([])
    })

    test('shows a flip of any byte that is left, and of any id that is used twice; times never show', () => {
      const uses = new Map<string, number>()
      for (const entry of entries) {
        if (entry.kind === 'note') continue
        const seen = new Set<string>()
        for (let byte = 0; byte < entry.bytes.length; byte++) {
          const field = categoryOf(entry, byte, pipes)
          if (field !== undefined) seen.add(field.value)
        }
        for (const value of seen) uses.set(value, (uses.get(value) ?? 0) + 1)
      }
      const compared = comparable?.(transcript) ?? transcript
      const counts = { left: 0, ids: 0, hidden: 0 }
      for (const [index, entry] of entries.entries()) {
        if (entry.kind === 'note') continue
        for (let byte = 0; byte < entry.bytes.length; byte += byte < ALL_BYTES ? 1 : 64) {
          const field = categoryOf(entry, byte, pipes)
          const bytes = entry.bytes.map((value, at) => (at === byte ? value ^ 0xff : value))
          const flipped = normalise(entries.with(index, { ...entry, bytes }))
          const shows = compare(flipped, transcript, provenance).length > 0
          if (entry.kind === 'packet' && measured?.(entry.bytes, byte) === true) {
            counts.hidden++
            continue
          }
          if (field === undefined) {
            if (!shows || (comparable !== undefined && diff(comparable(flipped), compared).length === 0))
              throw new Error(`byte ${byte} of entry ${index} does not show`)
            counts.left++
          } else if (field.category === 'time') {
            if (shows) throw new Error(`time ${byte} of entry ${index} shows`)
            counts.hidden++
          } else if ((uses.get(field.value) ?? 0) > 1) {
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
