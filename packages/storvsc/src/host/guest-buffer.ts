import type { PageRange } from '@vmbus/core'
import type { GuestMemory } from '@vmbus/hypervisor'

const PAGE = 4096

/**
 * The guest pages of the request at hand, without a copy. One object for all requests of a controller: `bind` makes it
 * mean another. Page numbers come from the guest, so each use checks them against its RAM.
 */
export interface GuestBuffer {
  /** Bytes that the request says it transfers; never more than the range has. */
  readonly length: number
  bind(range: PageRange | undefined, length: number, deviceMayWrite: boolean): void
  /** What `bind` was last given, as plain data that survives the packet. */
  range(): PageRange | undefined
  /** The device may put data there: the request was not a write. */
  readonly deviceMayWrite: boolean
  /** Views of `length` bytes from `offset`, adjacent pages as one; undefined when a page is outside of RAM. Reused by the next call. */
  views(offset: number, length: number): readonly Uint8Array[] | undefined
  /** Fills `into` from the start of the buffer. */
  read(into: Uint8Array): boolean
  /** Are the bytes from `offset` on those of `data`? Not when a page is outside of RAM. */
  equals(offset: number, data: Uint8Array): boolean
  /** Copies `from` to the start of the buffer. */
  write(from: Uint8Array): boolean
  /** Reports that bytes `offset`…`offset+length` were written by the device. */
  wrote(offset: number, length: number): void
}

export function guestBuffer(memory: GuestMemory): GuestBuffer {
  const list: Uint8Array[] = []
  let pages: PageRange | undefined
  let size = 0
  let writable = false

  /** Calls `each` for the runs of adjacent pages; false when one is outside of RAM. */
  const runs = (offset: number, length: number, each: (gpa: number, count: number) => void): boolean => {
    if (length === 0) return true
    if (pages === undefined || offset + length > size) return false
    const { pfns } = pages
    const limit = memory.size / PAGE
    let at = pages.byteOffset + offset
    let left = length
    let index = Math.floor(at / PAGE)
    while (left > 0) {
      const first = pfns[index++] ?? Infinity
      if (first >= limit) return false
      const inPage = at % PAGE
      let count = PAGE - inPage
      let next = first + 1
      while (count < left && pfns[index] === next && next < limit) {
        count += PAGE
        next++
        index++
      }
      if (count > left) count = left
      each(first * PAGE + inPage, count)
      at += count
      left -= count
    }
    return true
  }
  const add = (gpa: number, count: number): void => {
    list.push(memory.bytes.subarray(gpa, gpa + count))
  }
  const report = (gpa: number, count: number): void => memory.wrote(gpa, count)

  const buffer: GuestBuffer = {
    get length() {
      return size
    },
    get deviceMayWrite() {
      return writable
    },
    bind(range, length, deviceMayWrite) {
      pages = range
      size = length
      writable = deviceMayWrite
    },
    range: () =>
      pages === undefined
        ? undefined
        : { byteOffset: pages.byteOffset, byteCount: pages.byteCount, pfns: [...pages.pfns] },
    views(offset, length) {
      while (list.length > 0) list.pop()
      return runs(offset, length, add) ? list : undefined
    },
    read(into) {
      const views = buffer.views(0, into.length)
      if (views === undefined) return false
      let done = 0
      for (const view of views) {
        into.set(view, done)
        done += view.length
      }
      return true
    },
    equals(offset, data) {
      const views = buffer.views(offset, data.length)
      if (views === undefined) return false
      let done = 0
      for (const view of views) {
        const part = data.subarray(done, done + view.length)
        if (view.some((byte, index) => byte !== part[index])) return false
        done += view.length
      }
      return true
    },
    write(from) {
      const views = writable ? buffer.views(0, from.length) : undefined
      if (views === undefined) return false
      let done = 0
      for (const view of views) {
        view.set(from.subarray(done, done + view.length))
        done += view.length
      }
      buffer.wrote(0, from.length)
      return true
    },
    wrote: (offset, length) => void runs(offset, length, report),
  }
  return buffer
}
