import { damaged } from '../errors.ts'
import { isZeros, writeZeros, type ByteStore } from '../store.ts'
import { MB } from './header.ts'
import type { LogEntry } from './log.ts'
import type { Region } from './regions.ts'

/** What a sequence of log entries leaves: zeros in ascending ranges that touch nowhere, and over them pages of 4 KiB. */
export interface Replayed {
  readonly zeros: readonly Region[]
  readonly pages: ReadonlyMap<number, Uint8Array>
  /** The least size of the file. */
  readonly size: number
}

/**
 * Works out what comes of the entries, so that each place is written once. From the last write to the first: a page counts if
 * nothing after it wrote there. Costs no more than sorting the writes, however often ranges of zeros cover one another.
 */
export function replayed(sequence: readonly LogEntry[]): Replayed {
  const writes = sequence.flatMap((entry) => entry.writes)
  const offsets = [...new Set(writes.flatMap((write) => ('page' in write ? [write.offset] : [])))].sort((a, b) => a - b)
  const pages = new Map<number, Uint8Array>()
  /** The first page at or behind each of which nothing is known yet: paths to it, made shorter when they are gone. */
  const open = Uint32Array.from({ length: offsets.length + 1 }, (_, index) => index)
  const openFrom = (index: number): number => {
    let found = index
    while (open[found] !== found) found = open[found] as number
    for (let at = index; open[at] !== found;) [at, open[at]] = [open[at] as number, found]
    return found
  }
  for (const write of writes.toReversed()) {
    let index = openFrom(indexOf(offsets, write.offset))
    if ('page' in write) {
      if (offsets[index] !== write.offset) continue
      pages.set(write.offset, write.page)
      open[index] = index + 1
      continue
    }
    for (; (offsets[index] ?? Infinity) < write.offset + write.length; index = openFrom(index)) open[index] = index + 1
  }
  const zeros = writes.flatMap((write) => ('page' in write ? [] : [write]))
  return { zeros: merged(zeros), pages, size: sequence.at(-1)?.lastFileOffset ?? 0 }
}

/** Index of the first offset that is not below. */
function indexOf(offsets: readonly number[], offset: number): number {
  let low = 0
  for (let high = offsets.length; low < high;) {
    const middle = (low + high) >> 1
    if ((offsets[middle] as number) < offset) low = middle + 1
    else high = middle
  }
  return low
}

function merged(ranges: readonly Region[]): Region[] {
  const all: { offset: number; length: number }[] = []
  for (const { offset, length } of [...ranges].sort((a, b) => a.offset - b.offset)) {
    const last = all.at(-1)
    if (last === undefined || offset > last.offset + last.length) all.push({ offset, length })
    else last.length = Math.max(last.length, offset + length - last.offset)
  }
  return all
}

/** What a log may write zeros over beside the bytes that the file really has: the largest table, of 64 TiB in blocks of 1 MiB. */
const MOST_ZEROS = 512 * MB

/**
 * Refuses a log that writes zeros over more than the file can have there: what they cost would be the size that a sparse file
 * claims. Logs are for the structures of an image (MS-VHDX 2.3), not for its blocks.
 *
 * Throws DiskError VMBUS_DISK_DAMAGED.
 */
export function checkZeros(store: ByteStore, { zeros }: Replayed): void {
  const inside = zeros.reduce((sum, { offset, length }) => sum + Math.max(0, Math.min(length, store.size - offset)), 0)
  const { allocated = store.size } = store.inspect()
  if (inside > allocated + MOST_ZEROS)
    throw damaged('VHDX log', `it writes zeros over ${inside} bytes of a file that has ${allocated}`)
}

/** Does what the log says. Done twice, it does the same. */
export function replay(store: ByteStore, { zeros, pages, size }: Replayed): void {
  for (const { offset, length } of zeros)
    if (offset < store.size) clear(store, offset, Math.min(length, store.size - offset))
  for (const [offset, page] of pages) store.write(offset, page)
  if (store.size < size) store.truncate(size)
}

/** Zeros over what is something else: the hole of a sparse file stays one. */
function clear(store: ByteStore, offset: number, length: number): void {
  if (store.punch !== undefined) return writeZeros(store, offset, length)
  const words = new Int32Array(MB / 4)
  const piece = new Uint8Array(words.buffer)
  for (let done = 0; done < length; done += MB) {
    const count = Math.min(MB, length - done)
    store.read(offset + done, piece, 0, count)
    if (!isZeros(words, count / 4)) writeZeros(store, offset + done, count)
  }
}
