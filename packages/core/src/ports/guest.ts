import type { GuestBehaviour, GuestBus } from '../guest-bus/index.ts'
import type { GuestDriverSpec, VmbusVersion } from '../types.ts'

/** The clock of the operating system that a driver serves; times are FILETIMEs of the present instant. */
export interface GuestClock {
  set(fileTime: bigint): void
  /** Discipline towards `fileTime`; called only for samples that are recent and over the threshold. */
  discipline?(fileTime: bigint): void
  now(): bigint
}

export type ShutdownAction = 'power-off' | 'restart' | 'hibernate'

/** Something of an operating system that its drivers share and that outlives them: its files, its network stack. */
export interface SystemService {
  save(): unknown
  restore(state: unknown): void
}

/** What drivers use of the operating system that they run in. */
export interface GuestServices {
  /** The wall clock. */
  readonly clock: GuestClock
  /** Goes down, after the answer to the host is in the ring. */
  act(action: ShutdownAction, forced: boolean): void
  /** RAM in pages of 4 KiB. */
  readonly ramPages: number
  /** The system's service of this name, made by the first who asks; the guest's saved state has it. */
  service<S extends SystemService>(name: string, make: () => S): S
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
