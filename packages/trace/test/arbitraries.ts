import fc from 'fast-check'
import type { Entry, Line } from '../src/index.ts'

export const side = fc.constantFrom('host' as const, 'guest' as const)
/** Bytes as messages have them: many zeros, in runs. */
export const bytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.nat(40).map((length) => new Uint8Array(length)),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])))
const time = fc.nat(1_000_000)
export const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ time, kind: fc.constant('message' as const), to: side, vp: fc.nat(3), connection: fc.nat(9), bytes }),
  fc.record({ time, kind: fc.constant('packet' as const), to: side, relid: fc.nat(9), bytes }),
  fc.record({
    time,
    kind: fc.constant('transfer' as const),
    to: side,
    relid: fc.nat(9),
    format: fc.constantFrom('rndis', 'other'),
    bytes,
  }),
  fc.record({ time, kind: fc.constant('note' as const), source: fc.string(), text: fc.string() }),
)
export const line: fc.Arbitrary<Line> = fc.oneof(
  fc.record({ to: side, bytes }),
  fc.record({ to: side, bytes, format: fc.constantFrom('rndis', 'a-2') }),
)

/** u32 words, little-endian. */
export function words(...values: readonly number[]): Uint8Array {
  const out = new Uint8Array(values.length * 4)
  const view = new DataView(out.buffer)
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, true)
  return out
}

export const message = (to: 'host' | 'guest', body: Uint8Array): Entry => ({
  time: 0,
  kind: 'message',
  to,
  vp: 0,
  connection: 1,
  bytes: body,
})
export const packet = (to: 'host' | 'guest', relid: number, body: Uint8Array): Entry => ({
  time: 0,
  kind: 'packet',
  to,
  relid,
  bytes: body,
})
export const transfer = (to: 'host' | 'guest', body: Uint8Array, format = 'rndis'): Entry => ({
  time: 0,
  kind: 'transfer',
  to,
  relid: 3,
  format,
  bytes: body,
})
