import type { ExecResult } from '../guest/agent.ts'
import type { GuestEnd } from '../guest/outcome.ts'
import type { PreparedImage } from '../image/image-types.ts'
import type { Condition, HostEvent, MachineSettings, SessionResult, SessionSnapshot } from '../session-types.ts'
import type { PlainError } from './plain-error.ts'

/** A host to run inside the machine's worker: `export` of `module` is a HostFactory. */
export interface HostModule {
  /** file: URL of an ES module. */
  readonly module: string
  readonly export: string
  readonly options: unknown
}

export interface WorkerStart {
  readonly settings: MachineSettings
  readonly image: PreparedImage
  readonly host?: HostModule
  /** Where snapshots of booted guests are kept, and what names those of this host. */
  readonly snapshots?: { readonly folder: string; readonly hostKey: string }
  /** A snapshot to start from instead of power-on. */
  readonly snapshot?: SessionSnapshot
  readonly bootSeconds: number
}

/** What the main thread asks for, by method; answers come back under the same id, one at a time and in order. */
export interface Methods {
  exec: { args: [script: string, seconds: number]; value: ExecResult }
  until: { args: [what: Condition, seconds: number, after: number | undefined]; value: string }
  ended: { args: [seconds: number]; value: GuestEnd }
  run: { args: [seconds: number]; value: undefined }
  call: { args: [name: string, argument: unknown]; value: unknown }
  snapshot: { args: []; value: SessionSnapshot }
  result: { args: []; value: SessionResult }
}
export type MethodName = keyof Methods

export interface Request<M extends MethodName = MethodName> {
  readonly id: number
  readonly method: M
  readonly args: Methods[M]['args']
}

/** May come at any time: ends what is under way, and closes the host. Answered by `closed`. */
export interface Close {
  readonly method: 'close'
}

/** To a thread whose last guest is gone. */
export interface NextGuest {
  readonly method: 'start'
  readonly start: WorkerStart
}

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'console'; readonly text: string }
  | { readonly kind: 'event'; readonly event: HostEvent }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: PlainError }
  /** The start failed, or an error that nobody caught ended the worker. `closed` follows. */
  | { readonly kind: 'failed'; readonly error: PlainError }
  /** The last: the host is closed, or could not be. */
  | { readonly kind: 'closed'; readonly error?: PlainError }
