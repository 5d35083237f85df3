export { boot, type BootOptions, type Guest, type HostReference, type LoadedModules } from './boot.ts'
export { bootSession, type BootSessionOptions } from './boot-session.ts'
export { MachineError, type MachineErrorCode } from './errors.ts'
export { loadEmulator, type Emulator } from './emulator/load.ts'
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
export { prepareImage, type ImageOptions, type ImageSource, type PreparedImage } from './image/prepare.ts'
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
