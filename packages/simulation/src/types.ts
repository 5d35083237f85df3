import type { GuestBehaviour, GuestBus, GuestBusEvent, GuestDriverSpec, VmbusVersion } from '@vmbus/core'
import type { CrashReport, GuestMemory, Partition } from '@vmbus/hypervisor'
import type { Clock, Diagnose, Seed, Timers, TraceSink } from '@vmbus/world'

/** What a host is given to serve one guest. */
export interface HostPort {
  readonly memory: GuestMemory
  readonly clock: Clock
  /** Timers of the host; the world calls `timer(name)` when one fires. */
  readonly timers: Timers
  readonly seed: Seed
  readonly vps: number
  interrupt(vp: number, vector: number): void
  readonly trace?: TraceSink
  readonly diagnose?: Diagnose
  /** Something that the world's owner may wait for: `until('host:NAME')`. */
  event(name: string, detail?: unknown): void
  crashed(report: CrashReport): void
}

/** A host that serves one guest: what `@vmbus/host` makes, or an implementation of your own. */
export interface AttachedHost {
  readonly partition: Partition
  timer(name: string): void
  save(): unknown
  /** Throws for a state that `restore` would not take; the world asks before it touches anything. */
  checkState?(state: unknown): void
  restore(state: unknown): void
  inspect(): Record<string, unknown>
}

/** Serves guests, each by a host of its own. */
export interface HostSystem<A extends AttachedHost = AttachedHost> {
  readonly name: string
  attach(port: HostPort): A
}

export type ShutdownAction = 'power-off' | 'restart' | 'hibernate'

/** Something of an operating system that its drivers share and that outlives them: its files, its network stack. */
export interface SystemPart {
  save(): unknown
  restore(state: unknown): void
}

/** What drivers use of the operating system that they run in. Times are FILETIMEs. */
export interface GuestServices {
  readonly clock: { set(fileTime: bigint): void; discipline(fileTime: bigint): void; now(): bigint }
  act(action: ShutdownAction, forced: boolean): void
  /** RAM in pages of 4 KiB. */
  readonly ramPages: number
  /** The part of the system of this name, made by the first who asks; the guest's saved state has it. */
  part<P extends SystemPart>(name: string, make: () => P): P
}

/** A guest that comes before the operating system, works over the bus, and leaves it. */
export interface GuestFirmware {
  readonly name: string
  readonly versions: readonly VmbusVersion[]
  readonly behaviour: Partial<GuestBehaviour>
  /** 100 ns units from power-on until it leaves. */
  readonly stays: number
  drivers(): readonly GuestDriverSpec[]
}

/** An operating system's integration services, as `linux('6.1')` of @vmbus/guest-linux gives them. */
export interface GuestGeneration<Surface = unknown> {
  readonly name: string
  readonly versions: readonly VmbusVersion[]
  readonly behaviour: Partial<GuestBehaviour>
  /** Processors that it uses at most; the others stay stopped. Default all. */
  readonly vpLimit?: number | undefined
  /** What runs first; the system's first step counts from its end. A guest whose firmware finds no bus goes no further. */
  readonly firmware?: GuestFirmware
  /** What is loaded, in order; a step without kinds brings the bus up. */
  readonly load: readonly { readonly name: string; readonly after: number; readonly kinds: readonly string[] }[]
  /** 100 ns units from an accepted shutdown request to the end. */
  readonly goingDown: number
  drivers(services: GuestServices): readonly GuestDriverSpec[]
  /** What the system shows: files, devices, tools. Called once in each of its lives, after `drivers`. */
  surface(bus: GuestBus, services: GuestServices): Surface
}

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
