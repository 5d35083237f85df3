import { readFileSync } from 'node:fs'

/** Where a value comes from: read in a public source, a community table, or concluded from others. */
export type Basis = 'source' | 'community' | 'inferred'

export interface Sourced<T> {
  readonly value: T
  readonly basis: string
  readonly source: string | readonly string[]
}

/** One Hyper-V build, as data/hosts.json records it. */
export interface HostBuild {
  readonly id: string
  readonly name: string
  readonly build: string
  readonly vmbus_max: Sourced<string>
  readonly vmbus_offered: Sourced<readonly string[]>
  readonly nvsp_max: Sourced<string>
  readonly storvsp_max: Sourced<string>
  readonly dynamic_memory_max: Sourced<string | null>
  readonly ic: {
    readonly max: Readonly<Record<string, string | null>>
    readonly basis: Readonly<Record<string, string>>
  }
}

/** A distribution's release and the kernel that it ships. */
export interface DistributionKernel {
  readonly family: string
  readonly release: string
  /** As its source writes it: `4.18.0-80`, `4.14 (4.14.35)`, `FreeBSD 12.0`, or a reference to another family. */
  readonly kernel: string
  readonly source: string
  readonly eol?: string
}

export interface Feature {
  readonly id: string
  readonly name: string
  readonly group: string
}

export interface GridCell {
  readonly hosts: readonly string[]
  readonly value: 'yes' | 'no' | 'n/a' | 'partial'
  readonly notes?: readonly (string | number)[]
  readonly conflict?: boolean
}

/** A column of a published grid. */
export interface GridRelease {
  readonly id: string
  readonly label: string
  readonly versions: readonly string[]
  readonly lis: string
  readonly support: Readonly<Record<string, GridCell>>
}

export interface GridFamily {
  readonly id: string
  readonly name: string
  readonly notes: Readonly<Record<string, string>>
  readonly releases: readonly GridRelease[]
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../data/${name}.json`, import.meta.url), 'utf8'))

/** Builds of Hyper-V, oldest first. */
export const hostBuilds = (): readonly HostBuild[] => (read('hosts') as { hosts: HostBuild[] }).hosts

/** Distribution releases and their kernels. */
export const distributionKernels = (): readonly DistributionKernel[] =>
  (read('kernels') as { distro_kernels: DistributionKernel[] }).distro_kernels

export interface Grids {
  readonly features: readonly Feature[]
  readonly families: readonly GridFamily[]
}

/** The published grids of check marks, newest table first where tables overlap. */
export const grids = (): Grids => read('grids') as Grids
