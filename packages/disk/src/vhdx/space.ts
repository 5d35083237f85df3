import { MB } from './header.ts'

/** Which mebibytes of the file are in use; derived from the tables, never saved. Offsets and lengths in bytes. */
export interface Space {
  /** False when some of the range is in use already; nothing is marked then. */
  reserve(offset: number, length: number): boolean
  free(offset: number, length: number): void
  /** The lowest free place of that length, which may be behind everything; marked as used. */
  allocate(length: number): number
  /** Where the last used range ends. */
  readonly end: number
}

export function space(): Space {
  let used = new Uint8Array(64)
  let end = 0
  /** Free mebibytes below `end`, and no free one below `hint`. */
  let holes = 0
  let hint = 0

  const mark = (from: number, count: number): void => {
    if (from + count > used.length) {
      const larger = new Uint8Array(Math.max(used.length * 2, from + count))
      larger.set(used)
      used = larger
    }
    used.fill(1, from, from + count)
    const inside = Math.max(0, Math.min(count, end - from))
    holes += Math.max(0, from - end) - inside
    end = Math.max(end, from + count)
  }
  const isFree = (from: number, count: number): boolean => {
    for (let at = from; at < from + count; at++) if (used[at] === 1) return false
    return true
  }

  return {
    get end() {
      return end * MB
    },
    reserve(offset, length) {
      const from = offset / MB
      const count = Math.ceil(length / MB)
      if (!isFree(from, count)) return false
      mark(from, count)
      return true
    },
    free(offset, length) {
      const from = offset / MB
      const count = Math.ceil(length / MB)
      used.fill(0, from, from + count)
      holes += count
      hint = Math.min(hint, from)
      while (end > 0 && used[end - 1] === 0) {
        end--
        holes--
      }
    },
    allocate(length) {
      const count = Math.ceil(length / MB)
      let from = end
      if (holes >= count) {
        let at = used.indexOf(0, hint)
        hint = at
        while (at < end) {
          // No further than it has to reach: the rest of a hole may be most of the file.
          const taken = used.subarray(at, at + count).indexOf(1)
          if (taken < 0 && at + count <= end) {
            from = at
            break
          }
          if (taken < 0) break
          at = used.indexOf(0, at + taken)
          if (at < 0) break
        }
      }
      mark(from, count)
      return from * MB
    },
  }
}
