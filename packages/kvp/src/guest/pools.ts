import { HResult } from '@vmbus/ic'
import { checkOptions, list, object, oneOf, optional, text } from '@vmbus/world'
import { MAX_ITEMS, type KvpItem, type KvpPoolName } from '../protocol/index.ts'

/** An item as a guest keeps it. */
export interface PoolItem extends KvpItem {
  /** Key or value is no text, as far as an answer has room for them: asked for, the guest answers 0x80004005. */
  readonly malformed?: true
}

/** Where a guest keeps its pools. Every change is whole: after a crash at any moment the old or the new items are there. */
export interface PoolStore {
  /** The items of a pool, in the order in which they are enumerated. */
  items(pool: KvpPoolName): readonly PoolItem[]
  /** Adds an item, or replaces the one of the same key. Returns an HRESULT. */
  put(pool: KvpPoolName, item: KvpItem): number
  /** Returns an HRESULT: 0x80070103 when there is no such key. */
  remove(pool: KvpPoolName, key: string): number
  /** Whether a GET of `asked` means the item of `key`; default: the same characters. */
  isKey?(key: string, asked: string): boolean
}

/** `items` with one put in, at the place that its key already has; undefined when the pool is full. */
function withItem(items: readonly KvpItem[], item: KvpItem): KvpItem[] | undefined {
  const place = items.findIndex(({ key }) => key === item.key)
  if (place >= 0) return items.with(place, item)
  return items.length >= MAX_ITEMS ? undefined : [...items, item]
}

type PoolContents = Partial<Record<KvpPoolName, readonly KvpItem[]>>

const items = optional(
  list(
    object<KvpItem>({
      key: text,
      value: text,
      type: optional(oneOf('string', 'expand-string', 'dword', 'qword')),
    }),
  ),
)
const poolContents = object<PoolContents>({
  external: items,
  guest: items,
  auto: items,
  'auto-external': items,
  'auto-internal': items,
})

/** Pools without a file system: a plain object of lists, which is also what to save. Throws OptionsError. */
export function memoryPools(contents: PoolContents = {}): PoolStore {
  checkOptions('memoryPools', poolContents, contents)
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
