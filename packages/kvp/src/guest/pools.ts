import { HResult } from '@vmbus/ic'
import { MAX_ITEMS, type KvpItem, type KvpPoolName } from '../protocol.ts'

/** Where a guest keeps its pools. Every change is whole: after a crash at any moment the old or the new items are there. */
export interface PoolStore {
  /** The items of a pool, in the order in which they are enumerated. */
  items(pool: KvpPoolName): readonly KvpItem[]
  /** Adds an item, or replaces the one of the same key. Returns an HRESULT. */
  put(pool: KvpPoolName, item: KvpItem): number
  /** Returns an HRESULT: 0x80070103 when there is no such key. */
  remove(pool: KvpPoolName, key: string): number
}

/** `items` with one put in, at the place that its key already has; undefined when the pool is full. */
function withItem(items: readonly KvpItem[], item: KvpItem): KvpItem[] | undefined {
  const place = items.findIndex(({ key }) => key === item.key)
  if (place >= 0) return items.with(place, item)
  return items.length >= MAX_ITEMS ? undefined : [...items, item]
}

/** Pools without a file system: a plain object of lists, which is also what to save. */
export function memoryPools(contents: Partial<Record<KvpPoolName, readonly KvpItem[]>> = {}): PoolStore {
  const pools = contents
  return {
    items: (pool) => pools[pool] ?? [],
    put(pool, item) {
      const changed = withItem(pools[pool] ?? [], item)
      if (changed === undefined) return HResult.diskFull
      pools[pool] = changed
      return HResult.ok
    },
    remove(pool, key) {
      const items = pools[pool] ?? []
      const left = items.filter((item) => item.key !== key)
      if (left.length === items.length) return HResult.noMoreItems
      pools[pool] = left
      return HResult.ok
    },
  }
}
