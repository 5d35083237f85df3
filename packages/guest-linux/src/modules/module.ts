import type { GuestDriverSpec } from '@vmbus/core'
import type { ShutdownAction } from '@vmbus/shutdown'
import type { GuestClock } from '@vmbus/timesync'
import type { Capabilities } from '../vectors/field.ts'
import type { QuirkId } from '../quirks.ts'
import type { LinuxSystem } from '../system/system.ts'

/** Something of the system that its drivers share and that outlives them, such as its files; it is saved with the guest. */
export interface SystemPart {
  save(): unknown
  restore(state: unknown): void
}

/** What the kernel's drivers use of the rest of the system. */
export interface LinuxServices {
  /** The wall clock. */
  readonly clock: GuestClock
  /** Goes down, after the answer to the host is in the ring. */
  act(action: ShutdownAction, forced: boolean): void
  /** RAM in pages of 4 KiB. */
  readonly ramPages: number
  /** The part of the system of this name, made by the first who asks: drivers and the surface share it. */
  part<P extends SystemPart>(name: string, make: () => P): P
}

/** What a module's drivers are made for. */
export interface ModuleContext {
  readonly capabilities: Capabilities
  readonly quirks: ReadonlySet<QuirkId>
  readonly services: LinuxServices
  /** Files, daemons and what else lies beside the kernel. */
  readonly system: LinuxSystem
  /** The kernel can suspend to disk (S4). */
  readonly hibernation: boolean
  /** Where the slab allocator puts a small buffer in its page, see `LinuxOptions`. */
  readonly slab: (before: number, bytes: number) => number
}

/** A kernel module and the VMBus drivers in it: add one to `LINUX_MODULES` and every generation loads it. */
export interface LinuxModule {
  readonly name: string
  /** Kinds of its drivers, known before any is made. */
  readonly kinds: readonly string[]
  /** Those drivers that this kernel has. */
  drivers(context: ModuleContext): readonly GuestDriverSpec[]
}
