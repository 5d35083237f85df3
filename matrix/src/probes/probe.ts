import type { FeatureId } from '@vmbus/catalog'
import type { Capabilities as FreebsdCapabilities } from '@vmbus/guest-freebsd'
import type { Capabilities as LinuxCapabilities } from '@vmbus/guest-linux'
import type { WindowsCapabilities } from '@vmbus/guest-windows'
import type { HostFacts, HostFeature, HostProfile } from '@vmbus/host'
import type { NotReal, NotRun, Outcome, OwnName } from '@vmbus/report'
import type { EndName } from './ends.ts'
import type { Stage } from './stage.ts'

/** Worlds that probes share: the devices that a guest of such a world is offered. */
export type WorldName = 'services' | 'network' | 'storage' | 'memory'

/** A fact of a host's build, a feature that a host has from a build on, or a field of a user's own. */
type HostRead = keyof HostFacts | HostFeature | OwnName

/** The fields of a guest and a host on which the result of a probe may depend. Whatever is not named here is not seen. */
export interface Reads {
  readonly linux: readonly (keyof LinuxCapabilities | OwnName)[]
  readonly freebsd: readonly (keyof FreebsdCapabilities | OwnName)[]
  readonly windows: readonly (keyof WindowsCapabilities | OwnName)[]
  readonly host: readonly HostRead[]
}

/** What a probe found out. */
export interface Finding {
  readonly outcome: Outcome
  /** One sentence; empty where it works. */
  readonly reason: string
  /** The field of the guest or the host that decided, where one did. */
  readonly decidedBy?: { readonly of: 'guest' | 'host'; readonly field: string }
  /** Of the outcome `not-run`; absent: nothing here measures it. */
  readonly notRun?: NotRun
}

/** The virtual machine that a probe needs. */
export interface ProbeMachine {
  readonly memoryMB?: number
  readonly vps?: number
  /** Seconds by which the guest's clock is ahead of the host's when it begins; default 0. */
  readonly clockAhead?: number
  /** How long an interrupt is under way, 100 ns units; default 0 to 200. */
  readonly interruptDelay?: { readonly min: number; readonly max: number }
}

/** What a host must have beside the devices. It counts as read where it is what decides. */
interface HostNeed {
  readonly field: HostRead
  /** Default: the field is true. */
  has?(host: HostProfile): boolean
  /** Why not, as a sentence. */
  readonly reason: string
}

/** Values of a guest without a capability: of Linux's own fields, or of a user's, whatever the family. */
export type Control = Partial<LinuxCapabilities> & { readonly [own: OwnName]: unknown }

/** Measures one feature of the published grids, or of a user's own, or a part of one. */
export interface Probe {
  readonly id: string
  readonly feature: FeatureId | OwnName
  /** Counts up whenever the same guest may be found otherwise. */
  readonly version: number
  readonly world: WorldName
  /** The ends that it needs; default those of its world. */
  readonly devices?: readonly EndName[]
  readonly machine?: ProbeMachine
  readonly needs?: HostNeed
  /** It moves the guest to the next version of its host, whose values count as read as well. */
  readonly moves?: true
  /** Whether it sees each version of VMBus that the guest tries and all of the adapter, or only those that both ends agree on (the default). */
  readonly bus?: 'agreed' | 'tried'
  readonly reads: Reads
  /** What of the published row it does not cover: then `partial` is the best it can say. */
  readonly missing?: string
  /** Ends whose rings must each have carried bytes: `works` without them is an error of ours. */
  readonly bytes: readonly EndName[]
  /**
   * The loss that must turn it red, and no probe that does without: values of a guest that lacks the capability. Where the
   * device allows it the driver still connects, and what is measured does not hold.
   */
  readonly control: Control
  /** What keeps it from being played on a real kernel. */
  readonly notReal?: NotReal
  /** What of it a real kernel leaves out beside `missing`. */
  readonly realMissing?: string
  /** Sequences that are drawn for one execution where a run asks for 20; default 20. */
  readonly runs?: number
  measure(stage: Stage): Promise<Finding>
}

export { DEFAULT_RUNS } from '@vmbus/report'
