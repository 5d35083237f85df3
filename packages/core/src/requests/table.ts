import { ShapeMismatch, integer, list, object, pair, type Shape } from '@vmbus/world'

/** Requests that are with the other end, as they are saved. The order of the free ids is that in which they are given. */
export interface SavedRequests<T> {
  readonly requests: readonly [id: number, record: T][]
  readonly free: readonly number[]
}

/** The shape of what a table of `depth` saved, whose records have the shape `of`; without a depth, of a table that grows. */
export function savedRequests<T>(of: Shape<T>, depth?: number): Shape<SavedRequests<T>> {
  const shape = object<SavedRequests<T>>({ requests: list(pair(integer(1), of)), free: list(integer(1)) })
  return (value, at) => {
    const saved = shape(value, at)
    const size = depth ?? idsIn(saved)
    if (!isTableOf(saved, size)) throw new ShapeMismatch(at, value, `each id from 1 to ${size} once`)
    return saved
  }
}

const idsIn = ({ requests, free }: SavedRequests<unknown>): number => requests.length + free.length

/** Each id from 1 to `size` is there once. */
function isTableOf(saved: SavedRequests<unknown>, size: number): boolean {
  const ids = new Set([...saved.requests.map(([id]) => id), ...saved.free])
  return size > 0 && idsIn(saved) === size && ids.size === size && [...ids].every((id) => id >= 1 && id <= size)
}

/**
 * The requests that one end has with the other. A request is recorded before its packet is sent, since the answer may come
 * before the sender returns: `begin`, send, and `undo` if the ring was full; `end` when the answer is there.
 *
 * Ids are small whole numbers from 1, each of one request at a time; the one that has been free longest is taken next, so that
 * a late answer does not meet a new request at once. Nothing is allocated after creation, but to grow.
 */
export interface RequestTable<T extends {}> {
  /** Requests under way. */
  readonly size: number
  readonly depth: number
  /** Records a request and names it; 0 when `depth` of them are under way. */
  begin(record: T): number
  /** The packet was not sent: the request never was. Its id is the next to be given. */
  undo(id: number): void
  /** The record of a request that has ended, whose id is free again; undefined for an id that names none. */
  end(id: number): T | undefined
  /** The record of a request under way. */
  get(id: number): T | undefined
  /** Each request under way by id, lowest first. `visit` may end requests, the visited one included. */
  each(visit: (record: T, id: number) => void): void
  /** Forgets all of them. */
  clear(): void
  save(): SavedRequests<T>
  /**
   * Takes what a table of the same depth saved, or of any if this one grows. Throws RangeError, and changes nothing, if each id
   * is not there just once.
   */
  restore(saved: SavedRequests<T>): void
}

/** How a table gives its ids. */
export interface RequestTableOptions {
  /** The id that has just become free is the next to be given, as in Linux (drivers/hv/channel.c, vmbus_next_request_id). */
  readonly newestFirst?: boolean
  /** `depth` is doubled when it does not suffice, and `begin` never returns 0. */
  readonly grows?: boolean
}

export function requestTable<T extends {}>(depth: number, options: RequestTableOptions = {}): RequestTable<T> {
  if (!Number.isSafeInteger(depth) || depth < 1) throw new RangeError(`depth of a request table is ${depth}`)
  const records: (T | undefined)[] = []
  // A circle of free ids: the next is at `first`, `free` of them.
  let circle = new Uint32Array(depth)
  let first = 0
  let free = 0

  /** The free ids in their order, in a table of `size`. */
  const setFree = (size: number, ids: readonly number[]): void => {
    if (circle.length !== size) circle = new Uint32Array(size)
    circle.set(ids)
    first = 0
    free = ids.length
  }
  const empty = (): void => {
    records.length = 0
    for (let id = 0; id <= circle.length; id++) records.push(undefined)
    setFree(circle.length, idsFrom(1, circle.length))
  }
  empty()

  const take = (id: number): T | undefined => {
    const record = records[id]
    if (record !== undefined) records[id] = undefined
    return record
  }
  const putFirst = (id: number): void => {
    first = first === 0 ? circle.length - 1 : first - 1
    circle[first] = id
    free++
  }
  const putLast = (id: number): void => {
    const last = first + free
    circle[last < circle.length ? last : last - circle.length] = id
    free++
  }
  const giveBack = options.newestFirst === true ? putFirst : putLast

  return {
    get size() {
      return circle.length - free
    },
    get depth() {
      return circle.length
    },
    begin(record) {
      if (free === 0) {
        if (options.grows !== true) return 0
        const before = circle.length
        setFree(2 * before, idsFrom(before + 1, 2 * before))
      }
      const id = circle[first] ?? 0
      first = first + 1 === circle.length ? 0 : first + 1
      free--
      records[id] = record
      return id
    },
    undo(id) {
      if (take(id) !== undefined) putFirst(id)
    },
    end(id) {
      const record = take(id)
      if (record !== undefined) giveBack(id)
      return record
    },
    get: (id) => records[id],
    each(visit) {
      for (let id = 1; id <= circle.length; id++) {
        const record = records[id]
        if (record !== undefined) visit(record, id)
      }
    },
    clear: empty,
    save: () => ({
      requests: records.flatMap((record, id) => (record === undefined ? [] : [[id, record]])),
      free: Array.from({ length: free }, (_, index) => circle[(first + index) % circle.length] ?? 0),
    }),
    restore(saved) {
      const size = options.grows === true ? idsIn(saved) : depth
      if (!isTableOf(saved, size)) throw new RangeError(`saved requests are not those of a table of ${size}`)
      records.fill(undefined)
      for (const [id, record] of saved.requests) records[id] = record
      setFree(size, saved.free)
    },
  }
}

const idsFrom = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)
