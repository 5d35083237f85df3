import { defineDevice } from '@vmbus/core'
import { PIPE_MODE_FLAG, pipeUserData, type IcVersions } from '@vmbus/ic'
import { guestOptions, kvpGuest, type KvpGuestOptions } from './guest/index.ts'
import { checkOptions } from '@vmbus/world'
import { hostOptions, kvpHost, type KvpHostOptions } from './host/index.ts'
import { KVP_INSTANCE, KVP_INTERFACE } from './protocol/index.ts'

/** `kvp({})` offers the component, `kvp.driver({ pools })` answers it. */
export const kvp = defineDevice({
  kind: 'kvp',
  interfaceIds: [KVP_INTERFACE],
  offer: (options: KvpHostOptions) => ({
    interfaceId: KVP_INTERFACE,
    instanceId: checkOptions('kvp', hostOptions, options).instanceId ?? KVP_INSTANCE,
    flags: PIPE_MODE_FLAG,
    userDefined: pipeUserData(),
  }),
  host: (options: KvpHostOptions, deps, settings: IcVersions | undefined) => kvpHost(options, deps, settings),
  guestOptions,
  guest: (options: KvpGuestOptions, deps) => kvpGuest(options, deps),
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
