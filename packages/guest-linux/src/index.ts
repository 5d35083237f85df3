export { KernelVersionError, atLeast, kernelVersion, versionCode, type KernelVersion } from './kernel-version.ts'
export {
  linux,
  linuxRelease,
  type LinuxGeneration,
  type LinuxOptions,
  type LinuxSurface,
  type LoadStep,
} from './linux.ts'
export { LinuxNetError, type LinuxInterface, type RssState } from './net/index.ts'
export type {
  EchoRequest,
  Feature,
  Features,
  IpConfig,
  SendRequest,
  VfFunction,
  VfLink,
  VfState,
} from '@vmbus/netvsc/stack'
export { LINUX_MODULES } from './modules/index.ts'
export type { LinuxModule, ModuleContext } from './modules/module.ts'
export { QUIRKS, quirksOf, type Quirk, type QuirkId } from './quirks.ts'
export { LinuxDiskError, type IoKind, type IoResult, type LinuxDisk } from './scsi/index.ts'
export type { ModuleInfo, SysfsError } from './sysfs/index.ts'
export type { FcopyDaemon, KvpDaemon, LinuxDaemon, LinuxDaemons, VssDaemon } from './system/daemon-surface.ts'
export type { DaemonName } from './system/daemons.ts'
export type { FileTree } from './system/file-tree.ts'
export type { LinuxMemory } from './system/memory.ts'
export type { LinuxSystem, SystemOptions } from './system/system.ts'
export type { Capabilities, FieldName, Vector } from './vectors/field.ts'
export { LIS_VERSIONS } from './vectors/lis.ts'
export { LINUX_FAMILIES, kernelVector, releaseVector, type LinuxVector } from './vectors/lookup.ts'
