import type { GuestChannel, GuestDriver, GuestDriverDeps } from '@vmbus/core'
import {
  At,
  HResult,
  IcType,
  framingOf,
  icGuest,
  icGuestFields,
  icGuestState,
  type IcGuestOptions,
  type IcGuestState,
  type IcRequest,
} from '@vmbus/ic'
import {
  callable,
  checkOptions,
  flag,
  instance,
  list,
  object,
  oneOf,
  optional,
  restoreState,
  stateForm,
  type Shape,
} from '@vmbus/world'
import type { PoolItem, PoolStore } from './pools.ts'
import {
  IP_BINARY_SINCE,
  IP_TEXT_PAYLOAD,
  KVP_VERSIONS,
  KvpOperation,
  PAYLOAD,
  ValueType,
  carried,
  fitsText,
  kvpBody,
  kvpDelete,
  kvpEnumerate,
  kvpIpBody,
  kvpValue,
  poolName,
  readIpBinary,
  readIpQuery,
  readIpText,
  readItem,
  readKey,
  readUtf16,
  validItem,
  writeIpBinary,
  writeIpText,
  writeItem,
  type IpInfo,
  type IpQuery,
  type KvpItem,
  type KvpPoolName,
} from '../protocol/index.ts'

/** The network of the guest's operating system, by the instance GUID of the synthetic adapter. */
export interface NetworkSettings {
  /** Undefined when there is no such adapter, or an HRESULT of the system's own for why there is nothing to tell. */
  get(query: IpQuery): IpInfo | number | undefined
  /** Returns an HRESULT; 0x80041002 for an adapter that is not there. */
  set(info: IpInfo): number
}

/**
 * Defects and limits of real guests. `text-only`: stores numbers as decimal text, a string with references and a
 * REG_QWORD (11) as empty text, and answers nothing but strings. `empty-get`: GET finds the key and answers an empty
 * string. `cuts-answers`: answers have room for one character less than a request, 254 of a key and 1022 of a value.
 * `waits-for-daemon`: nothing is read from the channel while there is no daemon, so negotiation waits for it and a
 * request is carried out when it returns. All Linux drivers/hv/hv_kvp.c.
 */
export type KvpQuirk = 'text-only' | 'empty-get' | 'cuts-answers' | 'waits-for-daemon'

export interface KvpGuestOptions extends Partial<IcGuestOptions> {
  readonly pools: PoolStore
  /** The intrinsic keys, asked for at each request: the pool `auto`. */
  intrinsic?(): readonly KvpItem[]
  readonly network?: NetworkSettings
  readonly quirks?: readonly KvpQuirk[]
  /** The daemon that serves the requests runs from the start; default true. */
  readonly daemon?: boolean
}

export interface KvpGuest extends GuestDriver {
  /** The daemon comes or goes; without it every request is answered E_FAIL. */
  setDaemon(running: boolean): void
}

export const guestOptions: Shape<KvpGuestOptions> = object<KvpGuestOptions>({
  ...icGuestFields,
  pools: instance<PoolStore>(),
  intrinsic: optional(callable<() => readonly KvpItem[]>()),
  network: optional(instance<NetworkSettings>()),
  quirks: optional(list(oneOf('text-only', 'empty-get', 'cuts-answers', 'waits-for-daemon'))),
  daemon: optional(flag),
})

const FORM = stateForm<{ readonly ic: IcGuestState; readonly daemon: boolean }>('kvp-driver', 1, {
  ic: icGuestState,
  daemon: flag,
})

/** What carrying out requests needs of a driver. */
interface Service {
  readonly pools: PoolStore
  /** The pool `auto`. */
  readonly intrinsic: () => readonly KvpItem[]
  readonly network: NetworkSettings | undefined
  readonly quirks: ReadonlySet<KvpQuirk>
  readonly event: GuestDriverDeps['event']
}

/** Characters by which an answer's room is shorter than a request's. */
const cutBy = ({ quirks }: Service): number => (quirks.has('cuts-answers') ? 1 : 0)

const items = ({ pools, intrinsic }: Service, pool: KvpPoolName): readonly PoolItem[] =>
  pool === 'auto' ? intrinsic() : pools.items(pool)

function get(service: Service, pool: KvpPoolName, view: DataView, at: number): number {
  const { pools, quirks } = service
  const key = readKey(view, at)
  if (key === undefined) return HResult.invalidArgument
  const item = items(service, pool).find((each) => pools.isKey?.(each.key, key) ?? each.key === key)
  if (item === undefined) return HResult.noMoreItems
  if (item.malformed === true && !quirks.has('empty-get')) return HResult.fail
  writeItem(view, at, quirks.has('empty-get') ? { key, value: '' } : carried(item, cutBy(service)))
  return HResult.ok
}

function set({ pools, quirks, event }: Service, pool: KvpPoolName, view: DataView, at: number): number {
  const item = readItem(view, at)
  if (item === undefined || !validItem(item)) return HResult.invalidArgument
  const stored = quirks.has('text-only') ? textOf(item, kvpValue.read.value_type(view, at)) : item
  const status = pools.put(pool, stored)
  if (status === HResult.ok) event('set', { pool, key: item.key })
  return status
}

function remove({ pools, event }: Service, pool: KvpPoolName, view: DataView, at: number): number {
  const size = kvpDelete.read.key_size(view, at)
  if (size > kvpDelete.size - kvpDelete.offsets.key) return HResult.invalidArgument
  const key = readUtf16(view, at + kvpDelete.offsets.key, size)
  const status = pools.remove(pool, key)
  if (status === HResult.ok) event('deleted', { pool, key })
  return status
}

function enumerate(service: Service, pool: KvpPoolName, view: DataView, at: number): number {
  const item = items(service, pool)[kvpEnumerate.read.index(view, at)]
  if (item === undefined) return HResult.noMoreItems
  if (item.malformed === true) return HResult.fail
  writeItem(view, at + kvpEnumerate.offsets.data, carried(item, cutBy(service)))
  return HResult.ok
}

function getIp({ network }: Service, view: DataView, binary: boolean): number {
  const at = At.body + (binary ? PAYLOAD : IP_TEXT_PAYLOAD)
  const query = readIpQuery(view, at, binary)
  if (query === undefined) return HResult.invalidArgument
  if (network === undefined) return HResult.notSupported
  const info = network.get(query)
  if (info === undefined) return HResult.guidNotFound
  if (typeof info === 'number') return info
  if (binary) return writeIpBinary(view, at, info) ? HResult.ok : HResult.fail
  if (!fitsText(info)) return HResult.fail
  writeIpText(view, at, info)
  return HResult.ok
}

function setIp({ network, event }: Service, view: DataView, binary: boolean): number {
  const info = binary ? readIpBinary(view, At.body + PAYLOAD) : readIpText(view, At.body + IP_TEXT_PAYLOAD)
  if (info === undefined) return HResult.invalidArgument
  if (network === undefined) return HResult.notSupported
  const status = network.set(info)
  if (status === HResult.ok) event('ip-set', info)
  return status
}

function onRequest(service: Service, { view, bodyLength, message }: IcRequest): number {
  if (bodyLength < kvpBody.size) return HResult.invalidArgument
  const operation = view.getUint8(At.body)
  if (operation === KvpOperation.getIp || operation === KvpOperation.setIp) {
    if (bodyLength < kvpIpBody.size) return HResult.invalidArgument
    const binary = message >= IP_BINARY_SINCE
    return operation === KvpOperation.getIp ? getIp(service, view, binary) : setIp(service, view, binary)
  }
  const pool = poolName(view.getUint8(At.body + 1))
  if (pool === undefined) return HResult.invalidArgument
  const at = At.body + PAYLOAD
  switch (operation) {
    case KvpOperation.get:
      return get(service, pool, view, at)
    case KvpOperation.set:
      return set(service, pool, view, at)
    case KvpOperation.delete:
      return remove(service, pool, view, at)
    case KvpOperation.enumerate:
      return enumerate(service, pool, view, at)
    default:
      return HResult.notSupported
  }
}

/** Answers the host's requests from the pools; a request that is wrong changes nothing. Throws OptionsError. */
export function kvpGuest(options: KvpGuestOptions, deps: GuestDriverDeps): KvpGuest {
  const { pools, network } = checkOptions('kvp.driver', guestOptions, options)
  const quirks = new Set(options.quirks)
  const service: Service = {
    pools,
    network,
    quirks,
    intrinsic: () => options.intrinsic?.() ?? [],
    event: (name, detail) => deps.event(name, detail),
  }
  let daemon = options.daemon ?? true
  let current: GuestChannel | undefined
  const ic = icGuest(deps, framingOf(options, KVP_VERSIONS), {
    type: IcType.kvp,
    request: (request) => (daemon ? onRequest(service, request) : HResult.fail),
  })
  const isWaiting = (): boolean => !daemon && quirks.has('waits-for-daemon')
  const gone = (): void => {
    current = undefined
    ic.reset()
  }

  return {
    setDaemon(running) {
      daemon = running
      if (running && current !== undefined) ic.readable(current)
    },
    offered: (channel) => ic.offered(channel),
    opened(channel, status) {
      current = channel
      if (status !== 0 || !isWaiting()) ic.opened(channel, status)
    },
    readable(channel) {
      if (!isWaiting()) ic.readable(channel)
    },
    closed: gone,
    rescinded: gone,
    save: () => ({ ...FORM.head, ic: ic.save(), daemon }),
    checkState: (saved) => void restoreState(saved, FORM),
    restore(saved, channels) {
      const state = restoreState(saved, FORM)
      ic.restore(state.ic)
      daemon = state.daemon
      current = channels[0]
    },
    inspect: () => ({ ...ic.state, daemon }),
  }
}

/** What Linux keeps of a value (drivers/hv/hv_kvp.c, kvp_send_key): it knows strings, double words and a quad word of type 8. */
function textOf({ key, value }: KvpItem, wireType: number): KvpItem {
  const known = wireType === ValueType.string || wireType === ValueType.dword || wireType === ValueType['linux-qword']
  return { key, value: known ? value : '' }
}
