export type { Capabilities } from './capabilities.ts'
export {
  freebsd,
  freebsdRelease,
  freebsdWith,
  type FreebsdGeneration,
  type FreebsdOptions,
  type FreebsdSurface,
} from './freebsd.ts'
export type { EchoRequest, Features, SendRequest } from '@vmbus/netvsc/stack'
export { FreebsdNetError, type FreebsdInterface } from './net/interfaces.ts'
export { QUIRKS, type Quirk, type QuirkId } from './quirks.ts'
export { FreebsdReleaseError, type FreebsdRelease } from './release.ts'
export { FREEBSD_RELEASES } from './releases.ts'
export { FreebsdDiskError, type IoKind, type IoResult } from './storage/io.ts'
export type { FreebsdDisk } from './storage/da.ts'
export type { DaemonName, FreebsdDaemon, FreebsdDaemons, KvpDaemon, VssDaemon } from './system/daemons.ts'
export { Errno, type DeviceNode } from './system/device-node.ts'
