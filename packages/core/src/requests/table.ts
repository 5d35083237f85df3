import { integer, list, object, pair, type Shape } from '@vmbus/world'

/** Requests that are with the other end, as they are saved. The order of the free ids is that in which they are given. */
export interface SavedRequests<T> {
  readonly requests: readonly [id: number, record: T][]
  readonly free: readonly number[]
}

/** The shape of a saved table whose records have the shape `of`. That the ids are those of one table, `restore` looks at. */
export function savedRequests<T>(of: Shape<T>): Shape<SavedRequests<T>> {
  return object<SavedRequests<T>>({ requests: list(pair(integer(1), of)), free: list(integer(1)) })
}

/**
 * The requests that one end has with the other. A request is recorded before its packet is sent, since the answer may come
 * before the sender returns: `begin`, send, and `undo` if the ring was full; `end` when the answer is there.
 *
 * Ids are small whole numbers from 1, each of one request at a time; the one that has been free longest is taken next, so that
 * a late answer does not meet a new request at once. Nothing is allocated after creation.
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
  /** Takes what a table of the same depth saved. Throws RangeError, and changes nothing, if each id is not there just once. */
  restore(saved: SavedRequests<T>): void
}

export function requestTable<T extends {}>(depth: number): RequestTable<T> {
  if (!Number.isSafeInteger(depth) || depth < 1) throw new RangeError(`depth of a request table is ${depth}`)
  const records: (T | undefined)[] = Array.from({ length: depth + 1 }, () => undefined)
  // A circle of free ids: the oldest is at `first`, `free` of them.
  const circle = new Uint32Array(depth)
  let first = 0
  let free = 0

  const empty = (): void => {
    records.fill(undefined)
    for (let i = 0; i < depth; i++) circle[i] = i + 1
    first = 0
    free = depth
  }
  empty()

  const take = (id: number): T | undefined => {
    const record = records[id]
    if (record !== undefined) records[id] = undefined
    return record
  }

  return {
    get size() {
      return depth - free
    },
    depth,
    begin(record) {
      if (free === 0) return 0
      const id = circle[first] ?? 0
      first = first + 1 === depth ? 0 : first + 1
      free--
      records[id] = record
      return id
    },
    undo(id) {
      if (take(id) === undefined) return
      first = first === 0 ? depth - 1 : first - 1
      circle[first] = id
      free++
    },
    end(id) {
      const record = take(id)
      if (record === undefined) return undefined
      const last = first + free
      circle[last < depth ? last : last - depth] = id
      free++
      return record
    },
    get: (id) => records[id],
    each(visit) {
      for (let id = 1; id <= depth; id++) {
        const record = records[id]
        if (record !== undefined) visit(record, id)
      }
    },
    clear: empty,
    save: () => ({
      requests: records.flatMap((record, id) => (record === undefined ? [] : [[id, record]])),
      free: Array.from({ length: free }, (_, index) => circle[(first + index) % depth] ?? 0),
    }),
    restore(saved) {
      const ids = new Set([...saved.requests.map(([id]) => id), ...saved.free])
      const all = saved.requests.length + saved.free.length
      if (all !== depth || ids.size !== depth || Math.max(...ids) > depth || Math.min(...ids) < 1)
        throw new RangeError(`saved requests name ${ids.size} ids ${all} times, of a table of ${depth}`)
      records.fill(undefined)
      for (const [id, record] of saved.requests) records[id] = record
      circle.set(saved.free)
      first = 0
      free = saved.free.length
    },
  }
}
