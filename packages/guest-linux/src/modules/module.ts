import type { GuestDriverSpec, GuestServices } from '@vmbus/core'
import type { Capabilities } from '../vectors/field.ts'
import type { QuirkId } from '../quirks.ts'
import type { LinuxSystem } from '../system/system.ts'

/** What a module's drivers are made for. */
export interface ModuleContext {
  readonly capabilities: Capabilities
  readonly quirks: ReadonlySet<QuirkId>
  readonly services: GuestServices
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
