import { inBlocks, type BlockTransfer } from './parts.ts'
import type { ByteStore } from './store.ts'

const PAGE = 4096

/** What the calls of a store share. */
interface Overlay {
  readonly below: ByteStore
  readonly pages: Map<number, Uint8Array>
  /** What is zeros instead of what is below: ascending, and no two of them touch. */
  readonly hidden: { from: number; to: number }[]
  size: number
}

/** Index of the first hidden range that ends at or behind an offset. */
function hiddenAt({ hidden }: Overlay, offset: number): number {
  let low = 0
  for (let high = hidden.length; low < high;) {
    const middle = (low + high) >> 1
    if ((hidden[middle] as { to: number }).to < offset) low = middle + 1
    else high = middle
  }
  return low
}

function hide(overlay: Overlay, from: number, to: number): void {
  const { hidden } = overlay
  const first = hiddenAt(overlay, from)
  let end = first
  while ((hidden[end]?.from ?? Infinity) <= to) end++
  const merged = { from: Math.min(from, hidden[first]?.from ?? from), to: Math.max(to, hidden[end - 1]?.to ?? to) }
  hidden.splice(first, end - first, end === first ? { from, to } : merged)
}

function readBelow(overlay: Overlay, offset: number, into: Uint8Array, start: number, length: number): void {
  const { below, hidden } = overlay
  below.read(offset, into, start, length)
  for (let index = hiddenAt(overlay, offset); index < hidden.length; index++) {
    const { from, to } = hidden[index] as { from: number; to: number }
    if (from >= offset + length) break
    into.fill(0, start + Math.max(from, offset) - offset, start + Math.min(to, offset + length) - offset)
  }
}

function read(overlay: Overlay, offset: number, into: Uint8Array, start: number, length: number): void {
  const { pages } = overlay
  for (let done = 0; done < length;) {
    const at = offset + done
    const index = Math.floor(at / PAGE)
    const within = at - index * PAGE
    const page = pages.get(index)
    let count = PAGE - within
    if (page === undefined) for (let next = index + 1; count < length - done && !pages.has(next); next++) count += PAGE
    count = Math.min(count, length - done)
    if (page === undefined) readBelow(overlay, at, into, start + done, count)
    else into.set(page.subarray(within, within + count), start + done)
    done += count
  }
}

function pageOf(overlay: Overlay, index: number, isWhole: boolean): Uint8Array {
  const { pages } = overlay
  let page = pages.get(index)
  if (page === undefined) {
    page = new Uint8Array(PAGE)
    if (!isWhole) readBelow(overlay, index * PAGE, page, 0, PAGE)
    pages.set(index, page)
  }
  return page
}

function write(overlay: Overlay, offset: number, from: Uint8Array, start: number, length: number): void {
  const transfer: BlockTransfer = (index, at, buffer, first, count) =>
    pageOf(overlay, index, count === PAGE).set(buffer.subarray(first, first + count), at)
  inBlocks(PAGE, transfer, offset, from, start, length)
  overlay.size = Math.max(overlay.size, offset + length)
}

function punch(overlay: Overlay, offset: number, length: number): void {
  const { pages } = overlay
  const end = offset + length
  const edge = new Uint8Array(PAGE)
  const first = Math.ceil(offset / PAGE) * PAGE
  const last = Math.floor(end / PAGE) * PAGE
  if (first >= last) return write(overlay, offset, new Uint8Array(length), 0, length)
  if (first > offset) write(overlay, offset, edge, 0, first - offset)
  if (end > last) write(overlay, last, edge, 0, end - last)
  for (const index of pages.keys()) if (index * PAGE >= first && index * PAGE < last) pages.delete(index)
  hide(overlay, first, last)
}

function truncate(overlay: Overlay, next: number): void {
  const { pages } = overlay
  if (next < overlay.size) {
    for (const index of pages.keys()) if (index * PAGE >= next) pages.delete(index)
    const partial = next % PAGE
    if (partial !== 0) write(overlay, next, new Uint8Array(PAGE), 0, PAGE - partial)
    hide(overlay, next, Infinity)
  }
  overlay.size = next
}

/** A store whose writes stay in memory: what is below is read and never changed. */
export function overlayStore(below: ByteStore): ByteStore {
  const overlay: Overlay = { below, pages: new Map(), hidden: [], size: below.size }
  return {
    get size() {
      return overlay.size
    },
    readOnly: false,
    lock: below.lock,
    read: (offset, into, start = 0, length = into.length - start) => read(overlay, offset, into, start, length),
    write: (offset, from, start = 0, length = from.length - start) => write(overlay, offset, from, start, length),
    punch: (offset, length) => punch(overlay, offset, length),
    truncate: (next) => truncate(overlay, next),
    flush() {},
    close: () => below.close(),
    inspect: () => ({
      kind: 'overlay',
      size: overlay.size,
      readOnly: false,
      allocated: overlay.pages.size * PAGE,
      lock: below.lock.describe(),
    }),
  }
}
