import type { ByteStore } from './store.ts'

const PAGE = 4096

/** A store whose writes stay in memory: what is below is read and never changed. */
export function overlayStore(below: ByteStore): ByteStore {
  const pages = new Map<number, Uint8Array>()
  let hidden: { from: number; to: number }[] = []
  let size = below.size

  const readBelow = (offset: number, into: Uint8Array, start: number, length: number): void => {
    below.read(offset, into, start, length)
    for (const { from, to } of hidden) {
      const a = Math.max(from, offset)
      const b = Math.min(to, offset + length)
      if (a < b) into.fill(0, start + a - offset, start + b - offset)
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
        const count = Math.min(PAGE - within, length - done)
        const page = pages.get(index)
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
          readBelow(index * PAGE, page, 0, PAGE)
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
      hidden.push({ from: first, to: last })
    },
    truncate(next) {
      if (next < size) {
        for (const index of pages.keys()) if (index * PAGE >= next) pages.delete(index)
        const partial = next % PAGE
        if (partial !== 0) store.write(next, new Uint8Array(PAGE - partial))
        hidden = [...hidden, { from: next, to: Infinity }]
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
