import { HResult } from '@vmbus/ic'
import { MAX_ITEMS, ValueType, type KvpItem, type KvpPoolName, type KvpType } from '../protocol/index.ts'
import type { PoolStore } from './pools.ts'

/** A value of a Windows registry key. `type` is REG_SZ 1, REG_EXPAND_SZ 2, REG_DWORD 4 or REG_QWORD 11; numbers as decimal text. */
export interface RegistryValue {
  readonly name: string
  readonly type: number
  readonly data: string
}

/** The HKEY_LOCAL_MACHINE of a Windows guest. Each change of one value is whole, as the registry's are. */
export interface Registry {
  values(key: string): readonly RegistryValue[]
  set(key: string, value: RegistryValue): boolean
  /** False when there is none of that name. */
  remove(key: string, name: string): boolean
}

const ROOT = 'SOFTWARE\\Microsoft\\Virtual Machine'

/** Where Windows keeps each pool, below HKEY_LOCAL_MACHINE (Microsoft's documentation of data exchange). */
export const REGISTRY_KEYS: Readonly<Record<Exclude<KvpPoolName, 'auto-internal'>, string>> = {
  external: `${ROOT}\\External`,
  guest: `${ROOT}\\Guest`,
  auto: `${ROOT}\\Auto`,
  'auto-external': `${ROOT}\\Guest\\Parameters`,
}

const TYPES: readonly KvpType[] = ['string', 'expand-string', 'dword', 'qword']

/** Pools as registry keys. Names differ by more than case, and values of other types are not exchanged. */
export function registryPools(registry: Registry): PoolStore {
  const keyOf = (pool: KvpPoolName): string | undefined => (pool === 'auto-internal' ? undefined : REGISTRY_KEYS[pool])
  const items = (pool: KvpPoolName): KvpItem[] => {
    const key = keyOf(pool)
    return (key === undefined ? [] : registry.values(key)).flatMap(({ name, type, data }) => {
      const known = TYPES.find((each) => ValueType[each] === type)
      return known === undefined ? [] : [{ key: name, type: known, value: data }]
    })
  }
  const isKey = (name: string, asked: string): boolean => name.toLowerCase() === asked.toLowerCase()
  return {
    items,
    isKey,
    put(pool, { key: name, value: data, type = 'string' }) {
      const key = keyOf(pool)
      if (key === undefined) return HResult.invalidArgument
      const present = registry.values(key)
      const isNew = !present.some((value) => isKey(value.name, name))
      if (isNew && present.length >= MAX_ITEMS) return HResult.diskFull
      return registry.set(key, { name, type: ValueType[type], data }) ? HResult.ok : HResult.diskFull
    },
    remove(pool, name) {
      const key = keyOf(pool)
      return key !== undefined && registry.remove(key, name) ? HResult.ok : HResult.noMoreItems
    },
  }
}
