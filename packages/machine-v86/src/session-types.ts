import type { StateHead } from '@vmbus/world'
import type { Emulator } from './emulator/emulator-types.ts'
import type { Jitter, Machine, MachineSnapshot } from './emulator/machine-types.ts'
import type { AgentState, ExecResult } from './guest/agent.ts'
import type { ConsoleState } from './guest/console.ts'
import type { GuestEnd, Milestone, Outcome } from './guest/outcome.ts'
import type { HostFactory } from './host.ts'
import type { PreparedImage } from './image/image-types.ts'

export interface MachineSettings {
  /** RAM in MiB, 32 … 1024; default 128, and more when the initial RAM disk needs it. */
  readonly memoryMB?: number
  readonly seed?: number
  /** Compile hot code: pays for CPU-heavy guests, and makes the run not repeatable. */
  readonly jit?: boolean
  /** Added to DEFAULT_CMDLINE. */
  readonly cmdline?: string
  /** Wall clock (FILETIME) at power-on. */
  readonly epoch?: bigint
  readonly instructionNs?: number
  readonly jitter?: Partial<Jitter>
  /** A guest that takes no interrupts and says nothing for so many virtual seconds is hung; default 30. */
  readonly hangSeconds?: number
}

export interface SessionOptions extends MachineSettings {
  readonly emulator: Emulator
  readonly image: PreparedImage
  readonly host?: HostFactory
  readonly hostOptions?: unknown
  /** Begin from this snapshot instead of power-on. */
  readonly from?: SessionSnapshot
  onConsole?(text: string): void
  onEvent?(event: HostEvent): void
}

export interface HostEvent {
  readonly name: string
  /** Reference time, 100 ns units. */
  readonly at: number
  readonly detail?: unknown
}

export interface SessionSnapshot extends StateHead {
  readonly identity: string
  readonly machine: MachineSnapshot
  readonly agent: AgentState
  readonly console: ConsoleState
  /** All of the host's state; undefined when it is in `booted`. */
  readonly host: unknown
  /** What a booting guest changed of its host: see `HostHooks.booted`. */
  readonly booted?: unknown
  /** Of a host that is in `booted`: a digest of what the guest found of it. */
  readonly seen?: string | undefined
}

/**
 * What a guest's programs are: `stock` those of the packages alone, beside process 1 and its shell; `modified` with files
 * of the caller's; `own` an initial RAM disk of the user's.
 */
export type Userland = 'stock' | 'modified' | 'own'

export interface SessionResult {
  readonly image: string
  readonly userland: Userland
  /** Of a modified one: the files that are from no package. */
  readonly userlandFiles?: readonly string[]
  readonly seed: number
  readonly end: GuestEnd | undefined
  readonly outcome: Outcome
  /** The console's line that told of a panic, oops or lockup. */
  readonly evidence?: string
  readonly instructions: number
  readonly virtualSeconds: number
  readonly milestones: Readonly<Record<string, number>>
  readonly ramSha256: string
  readonly consoleSha256: string
  readonly deterministic: boolean
  readonly notDeterministicBecause?: string
  readonly events: Readonly<Record<string, number>>
  readonly host?: unknown
}

/** What can be waited for: a milestone, text on the console since the power-on, or a host event of a name. */
export type Condition = Milestone | RegExp | `event:${string}`

/** A wait that was not answered in time, or that the guest's end cut short. */
export type Waited<T> = { readonly value: T } | { readonly ended: GuestEnd } | { readonly timeout: true }

/**
 * A booted guest, driven by calls: virtual time passes only inside them, so the same calls give the same run. The
 * steps are generators that yield now and then, for a caller that has other work; `finish` runs one to its end.
 */
export interface Session {
  readonly machine: Machine
  readonly console: string
  readonly end: GuestEnd | undefined
  /** How many events the host has emitted. */
  readonly eventCount: number
  /** Runs a shell script in the guest; one that is not done in time is killed, with all that it started. */
  exec(script: string, seconds?: number): Generator<void, Waited<ExecResult>>
  /**
   * Waits for a milestone, a console line or a host event (`event:NAME`). Events count that come after the first `after`
   * of them all; default those that come from now on.
   */
  until(what: Condition, seconds?: number, after?: number): Generator<void, Waited<string>>
  /** Lets virtual time pass. */
  run(seconds: number): Generator<void, Waited<undefined>>
  call(name: string, argument: unknown): unknown
  snapshot(): SessionSnapshot
  /** For a guest that has booted and no more: without the state of bus and devices, which are to begin anew. */
  bootSnapshot(): SessionSnapshot | undefined
  /**
   * Throws VMBUS_STATE_INVALID for what is no snapshot, VMBUS_MACHINE_SNAPSHOT for one of another image, machine or host,
   * and VMBUS_MACHINE_STOPPED when the host is closed; nothing is touched then.
   */
  restore(snapshot: SessionSnapshot): void
  result(): SessionResult
  /** Closes what the host holds, once; the guest's end does so as well. Throws what the host's `close` throws. */
  close(): void
}
