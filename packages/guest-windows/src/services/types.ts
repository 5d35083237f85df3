import type { ShutdownAction } from '@vmbus/shutdown'
import type { GuestClock } from '@vmbus/timesync'

/** Something of the system that its drivers share and that outlives them, such as its registry; it is saved with the guest. */
export interface SystemPart {
  save(): unknown
  restore(state: unknown): void
}

/** What the drivers use of the rest of the system. */
export interface WindowsHooks {
  /** The wall clock. */
  readonly clock: GuestClock
  /** Goes down, after the answer to the host is in the ring. */
  act(action: ShutdownAction, forced: boolean): void
  /** RAM in pages of 4 KiB. */
  readonly ramPages: number
  /** The part of the system of this name, made by the first who asks: drivers and the surface share it. */
  part<P extends SystemPart>(name: string, make: () => P): P
}
