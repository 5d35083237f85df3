import type { CrashReport, GuestMemory, Partition } from '@vmbus/hypervisor'
import type { Clock, Diagnose, Seed, Timers, TraceSink } from '@vmbus/world'

/** What a host is given to serve one guest. */
export interface HostPort {
  readonly memory: GuestMemory
  readonly clock: Clock
  /** Timers of the host; whoever made them calls `timer(name)` when one fires. */
  readonly timers: Timers
  readonly seed: Seed
  readonly vps: number
  interrupt(vp: number, vector: number): void
  readonly trace?: TraceSink
  readonly diagnose?: Diagnose
  /** Something that the owner may wait for, such as `until('host:NAME')` of @vmbus/simulation. */
  event(name: string, detail?: unknown): void
  crashed(report: CrashReport): void
}

/** A host that serves one guest: what `@vmbus/host` makes, or an implementation of your own. */
export interface AttachedHost {
  readonly partition: Partition
  timer(name: string): void
  /** A plain value of its own: nothing that goes on changes it, for it is kept as it is. */
  save(): unknown
  /**
   * Throws for a state that `restore` would not take; the owner asks before it touches anything. Gives what takes the state
   * over without another look at it.
   */
  checkState?(state: unknown): () => void
  restore(state: unknown): void
  inspect(): Record<string, unknown>
}

/** Serves guests, each by a host of its own. */
export interface HostSystem<A extends AttachedHost = AttachedHost> {
  readonly name: string
  attach(port: HostPort): A
}
