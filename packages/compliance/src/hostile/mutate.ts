import type { Random } from './random.ts'

const INTERESTING: readonly [number, ...number[]] = [
  0, 1, 2, 3, 5, 8, 255, 256, 2047, 2048, 4095, 4096, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
]
const HEADER = 8
/** Bytes of the longest message of a bus (wire/01). */
const LONGEST_MESSAGE = 240

/**
 * A mutated copy of a valid message: usually one field changed, sometimes bits, the number of the message, its length.
 * At most one in seven is cut, so that most get past a receiver's length check; none becomes longer than `longest`.
 */
export function mutate(random: Random, message: Uint8Array, longest: number = LONGEST_MESSAGE): Uint8Array {
  const bytes = message.slice()
  const kind = random.below(14)
  if (kind < 8) {
    const words = Math.max(1, Math.floor((bytes.length - HEADER) / 4))
    const at = HEADER + random.below(words) * 4
    if (at + 4 <= bytes.length)
      new DataView(bytes.buffer).setUint32(at, random.chance(70) ? random.pick(INTERESTING) : random.u32(), true)
    return bytes
  }
  if (kind < 10) {
    for (let flips = 1 + random.below(4); flips > 0; flips--) {
      const at = random.below(bytes.length)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
    }
    return bytes
  }
  if (kind === 10) {
    bytes[0] = random.below(32)
    return bytes
  }
  if (kind === 11) return bytes.slice(0, random.below(bytes.length + 1))
  const longer = new Uint8Array(Math.min(longest, bytes.length + random.below(64)))
  longer.set(bytes.subarray(0, longer.length))
  return longer
}
