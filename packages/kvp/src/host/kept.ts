import { MAX_ITEMS, validItem, type KvpItem } from '../protocol/index.ts'
import type { KvpRequest } from './request.ts'

/**
 * What a host tells each guest about itself, by key: HostName, PhysicalHostName, PhysicalHostNameFullyQualified,
 * VirtualMachineName (Microsoft's documentation of IVMGuestOS2::GetParameter), VirtualMachineId and others.
 */
export type KvpHostInfo = Readonly<Record<string, string>>

/** The pools that are the host's: what it sets there is its own, whether the guest is there or not. */
type KeptPool = 'external' | 'auto-external'

/** What the guest shall have of its host under a key; an item that is null shall not be there. */
export interface Kept {
  readonly pool: KeptPool
  readonly key: string
  readonly item: KvpItem | null
}

/** The id of a request that nobody asked for: the host sends what it keeps. */
export const UNASKED = 0

/** What a request leaves for the host to keep, or undefined when it is none of its own pools that it changes. */
export function keptOf(request: KvpRequest): Kept | undefined {
  const { pool } = request
  if (pool !== 'external' && pool !== 'auto-external') return undefined
  if (request.operation === 'set') return { pool, key: request.item.key, item: request.item }
  return request.operation === 'delete' ? { pool, key: request.key, item: null } : undefined
}

const placeOf = (kept: readonly Kept[], { pool, key }: Kept): number =>
  kept.findIndex((each) => each.pool === pool && each.key === key)

/** With one more, at the place that its key already has; undefined when there is no room. */
export function withKept(kept: readonly Kept[], more: Kept): readonly Kept[] | undefined {
  const place = placeOf(kept, more)
  if (place >= 0) return kept.with(place, more)
  return kept.length < MAX_ITEMS ? [...kept, more] : undefined
}

/** Without a deletion that the guest has carried out, unless the key was set again meanwhile. */
export function withoutDeleted(kept: readonly Kept[], gone: Kept): readonly Kept[] {
  const place = placeOf(kept, gone)
  return kept[place]?.item === null ? kept.toSpliced(place, 1) : kept
}

/** Every key and value can be carried. */
export const validInfo = (info: KvpHostInfo): boolean =>
  Object.entries(info).every(([key, value]) => validItem({ key, value }))

/** The requests that bring a guest what its host keeps for it: first what the host is, then what its owner has set. */
export function pushes(info: KvpHostInfo, kept: readonly Kept[]): KvpRequest[] {
  const facts = Object.entries(info).map(([key, value]): Kept => ({ pool: 'auto-external', key, item: { key, value } }))
  return [...facts, ...kept].map(({ pool, key, item }) =>
    item === null ? { operation: 'delete', key, pool, id: UNASKED } : { operation: 'set', item, pool, id: UNASKED },
  )
}
