export { boot, type Guest, type LoadedModules } from './boot.ts'
export type { BootOptions, HostReference } from './boot-types.ts'
export { bootSession, type BootSessionOptions } from './boot-session.ts'
export { MachineError, type MachineErrorCode } from './errors.ts'
export type { Emulator } from './emulator/emulator-types.ts'
export { loadEmulator } from './emulator/load.ts'
export { createMachine } from './emulator/machine.ts'
export {
  DEFAULT_JITTER,
  type Jitter,
  type Machine,
  type MachineEnd,
  type MachineOptions,
  type MachineSnapshot,
  type ProcessorTraps,
  type SerialPort,
} from './emulator/machine-types.ts'
export { HYPERCALL_CODE } from './emulator/traps.ts'
export type { ExecResult } from './guest/agent.ts'
export { modulePath, type GuestFile } from './guest/initrd.ts'
export { outcomeOf, type GuestEnd, type Milestone, type Outcome } from './guest/outcome.ts'
export type { HostFactory, HostHooks, HostMachine, ImposedFeatures } from './host.ts'
export { Release, type ReleaseName } from './image/apt.ts'
export { defaultCacheFolder } from './image/cache.ts'
export type { Flavour } from './image/packages.ts'
export type { ImageOptions, ImageSource, PreparedImage } from './image/image-types.ts'
export { prepareImage } from './image/prepare.ts'
export { DEFAULT_CMDLINE } from './session-identity.ts'
export { createSession, finish, resumeSession } from './session.ts'
export type {
  Condition,
  HostEvent,
  MachineSettings,
  Session,
  SessionOptions,
  SessionResult,
  SessionSnapshot,
  Userland,
  Waited,
} from './session-types.ts'
export { SNAPSHOT_CACHE_BYTES } from './snapshots.ts'
export { guestThreads, type GuestThreads } from './worker/threads.ts'
