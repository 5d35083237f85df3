import type { GuestBusEvent } from '@vmbus/core'
import type { CrashReport, Partition } from '@vmbus/hypervisor'
import type { Clock, Diagnose, Seed, Timers } from '@vmbus/world'

export type PowerState = 'off' | 'booting' | 'running' | 'going-down' | 'powered-off' | 'restarting' | 'hibernated'

/** What happens in a guest or, with the kinds `host` and `crashed`, in its host. */
export type GuestEvent =
  | GuestBusEvent
  | { readonly kind: 'power'; readonly power: PowerState }
  /** A step of `load` was taken, or could not be since the bus is not there. */
  | { readonly kind: 'module'; readonly name: string; readonly loaded: boolean }
  | { readonly kind: 'clock-set'; readonly fileTime: bigint }
  | { readonly kind: 'host'; readonly name: string; readonly detail: unknown }
  | { readonly kind: 'crashed'; readonly report: CrashReport }

/** A kind of event, a power state, or an event of a device of the host (`host:heartbeat:beat`) or a driver (`driver:shutdown`). */
export type Awaited = GuestEvent['kind'] | PowerState | `host:${string}` | `driver:${string}`

export interface UntilOptions {
  /** Virtual seconds, default 60. */
  readonly seconds?: number
  readonly signal?: AbortSignal
}

/** What an operating system runs on. */
export interface SystemMachine {
  readonly partition: Partition
  readonly clock: Clock
  readonly timers: Timers
  readonly seed: Seed
  /** The system's wall clock (FILETIME) at reference time 0, as its battery-backed clock has it. */
  readonly realTimeClock: bigint
  readonly diagnose?: Diagnose
  event(event: GuestEvent): void
}
