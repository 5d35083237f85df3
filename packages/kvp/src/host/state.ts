import { icHostState, type IcHostState, type IcVersions } from '@vmbus/ic'
import {
  ShapeMismatch,
  flag,
  integer,
  list,
  nullable,
  number,
  object,
  oneOf,
  optional,
  stateForm,
  text,
  type Shape,
  type StateForm,
} from '@vmbus/world'
import type { IpInfo, IpQuery, KvpItem, KvpOperationName, KvpPoolName, KvpType } from '../protocol/index.ts'
import type { Kept } from './kept.ts'
import type { KvpRequest } from './request.ts'

export interface KvpHostState {
  nextId: number
  /** The first is with the guest, unless `late`. */
  queue: KvpRequest[]
  /** The outstanding message belongs to a request that has timed out; its answer is ignored. */
  late: boolean
  deadline: number
  /** Outlives the channel. */
  kept: readonly Kept[]
}

const type: Shape<KvpType> = oneOf('string', 'expand-string', 'dword', 'qword')
export const itemFields = { key: text, value: text, type: optional(type) }
const item: Shape<KvpItem> = object<KvpItem>(itemFields)
/** As callers name them: one that never travels is an invalid parameter. */
export const poolShape: Shape<KvpPoolName> = oneOf('external', 'guest', 'auto', 'auto-external', 'auto-internal')

const family = oneOf('none', 'ipv4', 'ipv6', 'both')
export const queryShape: Shape<IpQuery> = object<IpQuery>({ adapterId: text, family })
export const infoShape: Shape<IpInfo> = object<IpInfo>({
  adapterId: text,
  family,
  dhcp: flag,
  addresses: list(text),
  subnets: list(text),
  gateways: list(text),
  dns: list(text),
  origins: optional(list(oneOf('unknown', 'other', 'static'))),
})

const common = { pool: oneOf('external', 'guest', 'auto', 'auto-external'), id: integer() }
const REQUESTS: Readonly<Record<KvpOperationName, Shape<KvpRequest>>> = {
  set: object<KvpRequest & { operation: 'set' }>({ operation: oneOf('set'), item, ...common }),
  get: object<KvpRequest & { operation: 'get' }>({ operation: oneOf('get'), key: text, ...common }),
  delete: object<KvpRequest & { operation: 'delete' }>({ operation: oneOf('delete'), key: text, ...common }),
  enumerate: object<KvpRequest & { operation: 'enumerate' }>({
    operation: oneOf('enumerate'),
    items: list(item),
    ...common,
  }),
  getIp: object<KvpRequest & { operation: 'getIp' }>({ operation: oneOf('getIp'), query: queryShape, ...common }),
  setIp: object<KvpRequest & { operation: 'setIp' }>({ operation: oneOf('setIp'), info: infoShape, ...common }),
}
const operation: Shape<KvpOperationName> = oneOf('set', 'get', 'delete', 'enumerate', 'getIp', 'setIp')

const request: Shape<KvpRequest> = (value, at) => {
  if (typeof value !== 'object' || value === null) throw new ShapeMismatch(at, value, 'a request')
  const name = operation('operation' in value ? value.operation : undefined, `${at}.operation`)
  return REQUESTS[name](value, at)
}

export const kvpHostState = (versions: IcVersions): StateForm<KvpHostState & { readonly ic: IcHostState }> =>
  stateForm('kvp', 1, {
    ic: icHostState(versions),
    nextId: integer(1),
    queue: list(request),
    late: flag,
    deadline: number(0),
    kept: list(object<Kept>({ pool: oneOf('external', 'auto-external'), key: text, item: nullable(item) })),
  })
