import { defineIc } from '@vmbus/ic'
import { kvpGuest, guestOptions } from './guest/index.ts'
import { hostOptions, kvpHost } from './host/index.ts'
import { KVP_INSTANCE, KVP_INTERFACE, KvpOperation } from './protocol/index.ts'

/** `kvp({})` offers the component, `kvp.driver({ pools })` answers it. */
export const kvp = defineIc({
  kind: 'kvp',
  interfaceId: KVP_INTERFACE,
  instanceId: KVP_INSTANCE,
  hostOptions,
  host: kvpHost,
  guestOptions,
  guest: kvpGuest,
  operations: KvpOperation,
})

export type { KvpGuest, KvpGuestOptions, KvpQuirk, NetworkSettings } from './guest/index.ts'
export {
  FREEBSD_KVP_DEVICE,
  LINUX_KVP_DEVICE,
  daemonAnswer,
  readDaemonRequest,
  registeredVersion,
  registration,
  type DaemonDevice,
  type DaemonRequest,
} from './guest/daemon-device.ts'
export { filePools, poolFileRecord, readPoolFile, type FilePoolsOptions, type PoolFiles } from './guest/pool-files.ts'
export { memoryPools, type PoolItem, type PoolStore } from './guest/pools.ts'
export { REGISTRY_KEYS, registryPools, type Registry, type RegistryValue } from './guest/registry.ts'
export type { KvpHostOptions } from './host/index.ts'
export { KvpRefusals, type KvpCompletion, type KvpHost, type KvpPush, type KvpRefusal } from './host/calls.ts'
export type { KvpHostInfo } from './host/kept.ts'
export type { IpInfo, IpQuery, KvpItem, KvpPoolName, KvpType } from './protocol/index.ts'
