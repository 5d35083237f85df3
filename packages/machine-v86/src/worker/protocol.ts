import type { ExecResult } from '../guest/agent.ts'
import type { GuestEnd, Milestone } from '../guest/outcome.ts'
import type { MachineErrorCode } from '../errors.ts'
import type { PreparedImage } from '../image/prepare.ts'
import type { HostEvent, MachineSettings, SessionResult, SessionSnapshot } from '../session.ts'

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
  /** A file to restore from when it is there, and to write when it is not: see snapshots.ts. */
  readonly snapshotFile?: string
  /** A snapshot to start from instead of power-on. */
  readonly snapshot?: SessionSnapshot
  readonly bootSeconds: number
}

/** What the main thread asks for, by method; answers come back under the same id, one at a time and in order. */
export interface Methods {
  exec: { args: [script: string, seconds: number]; value: ExecResult }
  until: { args: [what: Milestone | RegExp | `event:${string}`, seconds: number]; value: string }
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

export interface PlainError {
  readonly code: MachineErrorCode | undefined
  readonly message: string
  readonly detail: Readonly<Record<string, string | number | boolean>>
  readonly stack: string | undefined
}

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'console'; readonly text: string }
  | { readonly kind: 'event'; readonly event: HostEvent }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: PlainError }
  | { readonly kind: 'failed'; readonly error: PlainError }
