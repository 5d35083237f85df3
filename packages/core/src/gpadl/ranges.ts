import type { GuestMemory } from '@vmbus/hypervisor'
import type { PageRange } from '../types.ts'

const PAGE = 4096

/** Bytes of all ranges. */
export function rangesLength(ranges: readonly PageRange[]): number {
  let length = 0
  for (const { byteCount } of ranges) length += byteCount
  return length
}

/**
 * Copies `length` bytes that begin `offset` into the ranges, as many as `into` has unless told otherwise, to its start. False,
 * with nothing copied, when they are not all there.
 */
export function copyFromRanges(
  memory: GuestMemory,
  ranges: readonly PageRange[],
  offset: number,
  into: Uint8Array,
  length = into.length,
): boolean {
  return copyFrom(memory, ranges, 0, offset, into, length)
}

/** Copies all of `from` to `offset`. False, with nothing copied, when it does not fit the ranges or guest RAM. */
export function copyToRanges(
  memory: GuestMemory,
  ranges: readonly PageRange[],
  offset: number,
  from: Uint8Array,
): boolean {
  return copyTo(memory, ranges, 0, offset, from)
}

/**
 * Pushes views of guest memory that cover `offset` … `offset + length`, in order, neighbouring pages as one. False, with
 * nothing pushed, when they are not all there. Views are good until the machine replaces its memory: use them at once.
 */
export function segmentsOfRanges(
  memory: GuestMemory,
  ranges: readonly PageRange[],
  offset: number,
  length: number,
  out: Uint8Array[],
): boolean {
  return segmentsFrom(memory, ranges, 0, offset, length, out)
}

/** The ranges of `offset` … `offset + length`; undefined when they are not all there. */
export function sliceRanges(ranges: readonly PageRange[], offset: number, length: number): PageRange[] | undefined {
  if (!(offset >= 0 && length >= 0)) return undefined
  const parts: PageRange[] = []
  let skip = offset
  let left = length
  for (const { byteOffset, byteCount, pfns } of ranges) {
    if (left === 0) break
    if (skip >= byteCount) {
      skip -= byteCount
      continue
    }
    const start = byteOffset + skip
    const count = Math.min(left, byteCount - skip)
    skip = 0
    left -= count
    const firstPage = Math.floor(start / PAGE)
    parts.push({
      byteOffset: start % PAGE,
      byteCount: count,
      pfns: pfns.slice(firstPage, Math.ceil((start + count) / PAGE)),
    })
  }
  return left === 0 ? parts : undefined
}

/** The GPA at `position` bytes into a range's first page. */
function gpaAt(pfns: readonly number[], position: number): number {
  return (pfns[Math.floor(position / PAGE)] ?? -1) * PAGE + (position % PAGE)
}

/** Bytes of the longest run of neighbouring pages at `position` bytes into a range's first page, at most `length`. */
function runAt(pfns: readonly number[], position: number, length: number): number {
  const within = position % PAGE
  let page = (position - within) / PAGE
  let pfn = pfns[page] ?? -1
  let bytes = PAGE - within
  while (bytes < length && pfns[++page] === pfn + 1) {
    pfn++
    bytes += PAGE
  }
  return Math.min(bytes, length)
}

/** The pages of `count` bytes from `skip` into the range. */
function areInRam(memory: GuestMemory, { pfns, byteOffset }: PageRange, skip: number, count: number): boolean {
  const start = byteOffset + skip
  const last = Math.floor((start + count - 1) / PAGE)
  for (let page = Math.floor(start / PAGE); page <= last; page++) {
    const pfn = pfns[page] ?? -1
    if (!(pfn >= 0 && (pfn + 1) * PAGE <= memory.size)) return false
  }
  return true
}

/** All of `offset` … `offset + length`, counted from range `first` on, is granted and in RAM. */
function accessible(
  memory: GuestMemory,
  ranges: readonly PageRange[],
  first: number,
  offset: number,
  length: number,
): boolean {
  if (!(offset >= 0)) return false
  let skip = offset
  let left = length
  for (let index = first; left > 0; index++) {
    const range = ranges[index]
    if (range === undefined) return false
    const count = Math.min(left, range.byteCount - skip)
    if (count > 0) {
      if (!areInRam(memory, range, skip, count)) return false
      left -= count
    }
    skip = Math.max(0, skip - range.byteCount)
  }
  return true
}

/** As `copyFromRanges`, with `offset` counted from range `first` on. */
export function copyFrom(
  memory: GuestMemory,
  ranges: readonly PageRange[],
  first: number,
  offset: number,
  into: Uint8Array,
  total: number,
): boolean {
  if (!accessible(memory, ranges, first, offset, total)) return false
  const { bytes } = memory
  let skip = offset
  let done = 0
  for (let index = first; done < total; index++) {
    const range = ranges[index]
    if (range === undefined) return false
    while (skip < range.byteCount && done < total) {
      const position = range.byteOffset + skip
      const gpa = gpaAt(range.pfns, position)
      const length = runAt(range.pfns, position, Math.min(total - done, range.byteCount - skip))
      into.set(bytes.subarray(gpa, gpa + length), done)
      skip += length
      done += length
    }
    skip = Math.max(0, skip - range.byteCount)
  }
  return true
}

/** As `copyToRanges`, with `offset` counted from range `first` on. */
export function copyTo(
  memory: GuestMemory,
  ranges: readonly PageRange[],
  first: number,
  offset: number,
  from: Uint8Array,
): boolean {
  if (!accessible(memory, ranges, first, offset, from.length)) return false
  const { bytes } = memory
  let skip = offset
  let done = 0
  for (let index = first; done < from.length; index++) {
    const range = ranges[index]
    if (range === undefined) return false
    while (skip < range.byteCount && done < from.length) {
      const position = range.byteOffset + skip
      const gpa = gpaAt(range.pfns, position)
      const length = runAt(range.pfns, position, Math.min(from.length - done, range.byteCount - skip))
      bytes.set(length === from.length ? from : from.subarray(done, done + length), gpa)
      memory.wrote(gpa, length)
      skip += length
      done += length
    }
    skip = Math.max(0, skip - range.byteCount)
  }
  return true
}

/** As `segmentsOfRanges`, with `offset` counted from range `first` on. */
export function segmentsFrom(
  memory: GuestMemory,
  ranges: readonly PageRange[],
  first: number,
  offset: number,
  length: number,
  out: Uint8Array[],
): boolean {
  if (!(length >= 0) || !accessible(memory, ranges, first, offset, length)) return false
  const { bytes } = memory
  let skip = offset
  let left = length
  for (let index = first; left > 0; index++) {
    const range = ranges[index]
    if (range === undefined) return false
    while (skip < range.byteCount && left > 0) {
      const position = range.byteOffset + skip
      const gpa = gpaAt(range.pfns, position)
      const run = runAt(range.pfns, position, Math.min(left, range.byteCount - skip))
      out.push(bytes.subarray(gpa, gpa + run))
      skip += run
      left -= run
    }
    skip = Math.max(0, skip - range.byteCount)
  }
  return true
}
