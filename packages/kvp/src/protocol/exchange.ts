import { icVersion } from '@vmbus/ic'

export const KVP_INTERFACE = 'a9a0f4e7-5a45-4d96-b827-8a841e8c03e6'
export const KVP_INSTANCE = '242ff919-07db-4180-9c2e-b86cb68c8c55'

export const KVP_VERSIONS = {
  framework: [icVersion(1, 0), icVersion(3, 0)],
  message: [icVersion(1, 0), icVersion(3, 0), icVersion(4, 0), icVersion(5, 0)],
} as const

/** First message versions of the IP operations, and of their binary form (wire/06 §6). */
export const IP_SINCE: number = icVersion(3, 0)
export const IP_BINARY_SINCE: number = icVersion(5, 0)

export const KvpOperation = { get: 0, set: 1, delete: 2, enumerate: 3, getIp: 4, setIp: 5 } as const
export type KvpOperationName = keyof typeof KvpOperation

/**
 * `external`: the host writes, the guest reads. `guest`: the guest writes. `auto`: the guest's intrinsic keys.
 * `auto-external`: facts about the host. `auto-internal` never travels.
 */
export const KvpPool = { external: 0, guest: 1, auto: 2, 'auto-external': 3, 'auto-internal': 4 } as const
export type KvpPoolName = keyof typeof KvpPool

/** The pools that a message may name. */
export const WIRE_POOLS: readonly KvpPoolName[] = ['external', 'guest', 'auto', 'auto-external']

export const poolName = (pool: number): KvpPoolName | undefined => WIRE_POOLS.find((name) => KvpPool[name] === pool)

/** Registry types. Linux and FreeBSD define a quad word as 8, Windows sends 11 (wire/06 §10.3). */
export const ValueType = { string: 1, 'expand-string': 2, dword: 4, qword: 11, 'linux-qword': 8 } as const

/** Characters of the longest key and value: the room without its NUL. */
export const MAX_KEY_UNITS = 255
export const MAX_VALUE_UNITS = 1023

/** Items of one pool that a host takes in and a guest keeps; a bound of this implementation. */
export const MAX_ITEMS = 1024

/** Seconds that a host waits for an answer: twice what Linux gives its daemon (drivers/hv/hv_kvp.c: 30). */
export const REPLY_SECONDS = 60
