import { TICKS_PER_SECOND } from '@vmbus/world'
import type { GuestMemory } from './types.ts'

const MASK_64 = (1n << 64n) - 1n

/**
 * 64.64 fixed-point ratio of reference time to TSC: floor(10^7 · 2^64 / frequency), or 0 when it does not fit into 64
 * bits (a TSC of 10 MHz or less), which makes the page unusable.
 */
export function tscScale(frequency: number): bigint {
  if (!Number.isSafeInteger(frequency) || frequency <= TICKS_PER_SECOND) return 0n
  return (BigInt(TICKS_PER_SECOND) << 64n) / BigInt(frequency)
}

/** Reference time at a TSC: ((tsc · scale) >> 64) + offset, in 64 bits as the guest computes it. */
export function referenceTimeAt(tsc: bigint, scale: bigint, offset: bigint): bigint {
  return ((((tsc & MASK_64) * scale) >> 64n) + offset) & MASK_64
}

/**
 * Writes the reference TSC page (TLFS "Partition Reference TSC"): u32 sequence, u32 reserved, u64 scale, s64 offset,
 * the rest zero. Sequence 0 says "not valid, read the MSR". The sequence is written last: a guest that reads the page
 * meanwhile sees 0.
 */
export function writeReferenceTscPage(
  memory: GuestMemory,
  gpa: number,
  sequence: number,
  scale: bigint,
  offset: bigint,
): void {
  const { bytes, view, words } = memory
  Atomics.store(words, gpa / 4, 0)
  bytes.fill(0, gpa + 4, gpa + 4096)
  view.setBigUint64(gpa + 8, scale, true)
  view.setBigInt64(gpa + 16, BigInt.asIntN(64, offset), true)
  Atomics.store(words, gpa / 4, sequence | 0)
  memory.wrote(gpa, 4096)
}
