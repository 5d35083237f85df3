import type { GuestMemory } from '@vmbus/hypervisor'
import type { Gpadl, PageRange } from '../types.ts'
import { copyFrom, copyTo, segmentsFrom } from './ranges.ts'

/** Access to a granted buffer. Pages outside guest RAM may be granted; no access reaches them. */
export function createGrant(memory: GuestMemory, id: number, ranges: readonly PageRange[]): Gpadl {
  /** Where each range begins in the buffer. */
  const starts = new Float64Array(ranges.length)
  let byteLength = 0
  ranges.forEach((range, index) => {
    starts[index] = byteLength
    byteLength += range.byteCount
  })

  /** The range that `offset` lies in: binary search, for a guest chooses how many there are. */
  const rangeAt = (offset: number): number => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return Math.max(0, low)
  }
  const within = (offset: number, length: number): boolean =>
    offset >= 0 && length >= 0 && offset + length <= byteLength

  return {
    id,
    byteLength,
    ranges,
    read(offset, into) {
      if (!within(offset, into.length)) return false
      const first = rangeAt(offset)
      return copyFrom(memory, ranges, first, offset - (starts[first] ?? 0), into, into.length)
    },
    write(offset, from) {
      if (!within(offset, from.length)) return false
      const first = rangeAt(offset)
      return copyTo(memory, ranges, first, offset - (starts[first] ?? 0), from)
    },
    segments(offset, length, out) {
      if (!within(offset, length)) return false
      const first = rangeAt(offset)
      return segmentsFrom(memory, ranges, first, offset - (starts[first] ?? 0), length, out)
    },
  }
}
