import type { FeatureId } from '@vmbus/catalog'
import type { Basis } from '@vmbus/world'
import type { Execution } from './execution.ts'
import type { Evidence, NotRun, Outcome, Verdict } from './vocabulary.ts'

/** The name of a user's own feature, field, device or probe: the dot tells it from all of ours, now and later. */
export type OwnName = `${string}.${string}`

/** A feature as a row of the grid, or of a user's own, and what measures it; nothing does where `probes` is empty. */
export interface ResultFeature {
  readonly id: FeatureId | OwnName
  readonly name: string
  readonly group: string
  readonly probes: readonly string[]
  /** What of the row no probe covers. */
  readonly missing?: string
}

export interface ResultHost {
  readonly id: string
  readonly name: string
  /** The last day of support, `2027-01-12`. */
  readonly supportEnds?: string
  /** What tells it from others: build, versions of its protocols. */
  readonly facts?: readonly string[]
  /** How each of them and the end of support is known, and from where: a line each. */
  readonly sources?: readonly string[]
}

export interface ResultRelease {
  /** As the catalog names it: `rhel 7.9 + lis 4.3`. */
  readonly key: string
  readonly family: string
  readonly kernel: string
  /** `built-in`, `lis`, `ports`, `disk`, `none`. */
  readonly drivers: string
  /** The last day of support, as the catalog has it. */
  readonly supportEnds?: string
  /** The generation that stands for it; absent: none does, for the reason of its cells. */
  readonly generation?: string
}

/** A value of the guest or the host that a probe read. */
export interface ReadField {
  readonly of: 'guest' | 'host'
  readonly field: string
  readonly value: string
  readonly basis: Basis
  readonly source: string
  readonly bracket?: readonly [after: string, upTo: string]
}

/** What one version of a page says of a cell. */
export interface Published {
  readonly value: 'yes' | 'no' | 'n/a' | 'partial' | 'not-listed'
  readonly date: string
  readonly page: string
  readonly column: string
  readonly notes: readonly string[]
}

/** What is said of one release on one host for one feature. */
export interface Story {
  readonly outcome: Outcome
  readonly evidence: Evidence
  readonly verdict: Verdict
  /** One sentence; empty where it works. */
  readonly reason: string
  /** Of an outcome `not-run`: what kept it from running. */
  readonly notRun?: NotRun
  /** Id of the execution that decided; absent where nothing ran. */
  readonly execution?: string
  /** What the probe read, the deciding field first. */
  readonly reads: readonly ReadField[]
  readonly decidedBy?: { readonly of: 'guest' | 'host'; readonly field: string }
  readonly published: readonly Published[]
  /** Id of the cause that explains a difference. */
  readonly cause?: string
}

/** Why measured and published values differ. */
export interface Cause {
  readonly id: string
  /** Two sentences. */
  readonly text: string
  /** Something else than the grid. */
  readonly source: string
  readonly kind: 'finding' | 'our-bug'
}

/** A part of the executions of a run: the `index`-th of `count`, from 1. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/**
 * A whole run. Stories, reads and published values are told once each and named by their index, since a run has some
 * 240,000 cells of a few thousand different stories.
 */
export interface MatrixResults {
  readonly format: 'vmbus-matrix/1'
  readonly seed: number
  readonly runs: number
  /** Images of the real kernels that ran beside the simulated guests, by release; absent: none did. */
  readonly kernels?: Readonly<Record<string, string>>
  /** The part of the executions that is here; absent: all of them were asked for. */
  readonly shard?: Shard
  readonly features: readonly ResultFeature[]
  readonly hosts: readonly ResultHost[]
  readonly releases: readonly ResultRelease[]
  readonly executions: readonly Execution[]
  readonly causes: readonly Cause[]
  readonly reads: readonly ReadField[]
  readonly published: readonly Published[]
  readonly stories: readonly StoredStory[]
  /** Index of the story by release, host and feature: `cells[release][host * features.length + feature]`. */
  readonly cells: readonly (readonly number[])[]
}

/** A story whose reads and published values are indices into the lists of the run. */
export type StoredStory = Omit<Story, 'reads' | 'published'> & {
  readonly reads: readonly number[]
  readonly published: readonly number[]
}
