import type { ByteStore } from './store.ts'

const PAGE = 4096

/** A store whose writes stay in memory: what is below is read and never changed. */
export function overlayStore(below: ByteStore): ByteStore {
  const pages = new Map<number, Uint8Array>()
  /** What is zeros instead of what is below: ascending, and no two of them touch. */
  const hidden: { from: number; to: number }[] = []
  let size = below.size

  /** Index of the first hidden range that ends at or behind an offset. */
  const hiddenAt = (offset: number): number => {
    let low = 0
    for (let high = hidden.length; low < high;) {
      const middle = (low + high) >> 1
      if ((hidden[middle] as { to: number }).to < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  const hide = (from: number, to: number): void => {
    const first = hiddenAt(from)
    let end = first
    while ((hidden[end]?.from ?? Infinity) <= to) end++
    const merged = { from: Math.min(from, hidden[first]?.from ?? from), to: Math.max(to, hidden[end - 1]?.to ?? to) }
    hidden.splice(first, end - first, end === first ? { from, to } : merged)
  }

  const readBelow = (offset: number, into: Uint8Array, start: number, length: number): void => {
    below.read(offset, into, start, length)
    for (let index = hiddenAt(offset); index < hidden.length; index++) {
      const { from, to } = hidden[index] as { from: number; to: number }
      if (from >= offset + length) break
      into.fill(0, start + Math.max(from, offset) - offset, start + Math.min(to, offset + length) - offset)
    }
  }

  const store: ByteStore = {
    get size() {
      return size
    },
    readOnly: false,
    lock: below.lock,
    read(offset, into, start = 0, length = into.length - start) {
      for (let done = 0; done < length;) {
        const at = offset + done
        const index = Math.floor(at / PAGE)
        const within = at - index * PAGE
        const page = pages.get(index)
        let count = PAGE - within
        if (page === undefined)
          for (let next = index + 1; count < length - done && !pages.has(next); next++) count += PAGE
        count = Math.min(count, length - done)
        if (page === undefined) readBelow(at, into, start + done, count)
        else into.set(page.subarray(within, within + count), start + done)
        done += count
      }
    },
    write(offset, from, start = 0, length = from.length - start) {
      for (let done = 0; done < length;) {
        const at = offset + done
        const index = Math.floor(at / PAGE)
        const within = at - index * PAGE
        const count = Math.min(PAGE - within, length - done)
        let page = pages.get(index)
        if (page === undefined) {
          page = new Uint8Array(PAGE)
          if (count < PAGE) readBelow(index * PAGE, page, 0, PAGE)
          pages.set(index, page)
        }
        page.set(from.subarray(start + done, start + done + count), within)
        done += count
      }
      size = Math.max(size, offset + length)
    },
    punch(offset, length) {
      const end = offset + length
      const edge = new Uint8Array(PAGE)
      const first = Math.ceil(offset / PAGE) * PAGE
      const last = Math.floor(end / PAGE) * PAGE
      if (first >= last) return store.write(offset, new Uint8Array(length))
      if (first > offset) store.write(offset, edge, 0, first - offset)
      if (end > last) store.write(last, edge, 0, end - last)
      for (const index of pages.keys()) if (index * PAGE >= first && index * PAGE < last) pages.delete(index)
      hide(first, last)
    },
    truncate(next) {
      if (next < size) {
        for (const index of pages.keys()) if (index * PAGE >= next) pages.delete(index)
        const partial = next % PAGE
        if (partial !== 0) store.write(next, new Uint8Array(PAGE - partial))
        hide(next, Infinity)
      }
      size = next
    },
    flush() {},
    close: () => below.close(),
    inspect: () => ({
      kind: 'overlay',
      size,
      readOnly: false,
      allocated: pages.size * PAGE,
      lock: below.lock.describe(),
    }),
  }
  return store
}
