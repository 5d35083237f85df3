import type { HostDevice } from '@vmbus/core'
import { checkOptions, object, optional, text } from '@vmbus/world'
import { validItem, validKey, type IpInfo, type IpQuery, type KvpItem, type KvpPoolName } from '../protocol/index.ts'
import type { KvpRequest } from './request.ts'
import { infoShape, itemFields, poolShape, queryShape } from './state.ts'

/**
 * Why a request was not taken. The numbers are the return values of the WMI methods that ask for the same
 * (Msvm_VirtualSystemManagementService.AddKvpItems).
 */
export const KvpRefusals = {
  /** Nothing negotiated: the guest has no such service, or its daemon is not there yet. */
  'not-connected': 32775,
  /** The negotiated version has no such operation. */
  'not-supported': 32770,
  'invalid-parameter': 32773,
  /** Too many requests wait. */
  busy: 32774,
  /** The host keeps as many items as it can. */
  'out-of-memory': 32778,
} as const
export type KvpRefusal = keyof typeof KvpRefusals

/** How a request ended; the detail of the event `completed`. */
export interface KvpCompletion {
  readonly id: number
  readonly operation: KvpRequest['operation']
  /**
   * `kept`: the guest is away, and gets it when it connects. `malformed`: the answer cannot be read. `limit`: the guest had
   * more items than are read.
   */
  readonly outcome: 'ok' | 'kept' | 'failed' | 'timeout' | 'closed' | 'malformed' | 'limit'
  /** The guest's last HRESULT; -1 when it gave none. */
  readonly status: number
  /** Of `get`. */
  readonly item?: KvpItem
  /** Of `enumerate`: what was read, also when it failed half way. */
  readonly items?: readonly KvpItem[]
  /** Items of a pool that are read at most: of `enumerate`, when that ended it. */
  readonly limit?: number
  /** Of `getIp`. */
  readonly info?: IpInfo
}

/** How the guest took what the host keeps for it; the detail of the event `pushed`, one for each item. */
export interface KvpPush {
  readonly operation: 'set' | 'delete'
  readonly pool: KvpPoolName
  readonly key: string
  readonly outcome: KvpCompletion['outcome']
  readonly status: number
}

/**
 * Each call returns the request's id, with which the event `completed` comes once, or why it was not taken; it throws
 * OptionsError for what is no request at all. What `set` and `delete` do to the pools `external` and `auto-external` the
 * host keeps: a guest that is away gets it when it connects, and every guest after a restart.
 */
export interface KvpHost extends HostDevice {
  set(request: KvpItem & { readonly pool?: KvpPoolName }): number | KvpRefusal
  get(request: { readonly key: string; readonly pool?: KvpPoolName }): number | KvpRefusal
  delete(request: { readonly key: string; readonly pool?: KvpPoolName }): number | KvpRefusal
  /** Every item of a pool, by index until the guest has no more. */
  enumerate(request: { readonly pool: KvpPoolName }): number | KvpRefusal
  getIp(query: IpQuery): number | KvpRefusal
  setIp(info: IpInfo): number | KvpRefusal
}

const pool = optional(poolShape)
const setShape = object<Parameters<KvpHost['set']>[0]>({ ...itemFields, pool })
const keyShape = object<Parameters<KvpHost['get']>[0]>({ key: text, pool })
const enumerateShape = object<Parameters<KvpHost['enumerate']>[0]>({ pool: poolShape })

/** A request without its id; distributive, so that each operation keeps its own fields. */
export type Ask<R = KvpRequest> = R extends KvpRequest ? Omit<R, 'id'> : never

/** The methods that ask the guest for something, over the one that takes every request. */
export function asking(ask: (request: Ask, valid: boolean) => number | KvpRefusal) {
  return {
    set(request) {
      const { pool = 'external', key, value, type = 'string' } = checkOptions('kvp.set', setShape, request)
      const item = { key, value, type }
      return ask({ operation: 'set', item, pool }, validItem(item))
    },
    get(request) {
      const { pool = 'guest', key } = checkOptions('kvp.get', keyShape, request)
      return ask({ operation: 'get', key, pool }, validKey(key))
    },
    delete(request) {
      const { pool = 'external', key } = checkOptions('kvp.delete', keyShape, request)
      return ask({ operation: 'delete', key, pool }, validKey(key))
    },
    enumerate(request) {
      const { pool } = checkOptions('kvp.enumerate', enumerateShape, request)
      return ask({ operation: 'enumerate', items: [], pool }, true)
    },
    getIp(request) {
      const query = checkOptions('kvp.getIp', queryShape, request)
      const { adapterId } = query
      return ask({ operation: 'getIp', query, pool: 'external' }, validKey(adapterId) && adapterId.length < 128)
    },
    setIp: (info) =>
      ask({ operation: 'setIp', info: checkOptions('kvp.setIp', infoShape, info), pool: 'external' }, true),
  } satisfies Partial<KvpHost>
}
