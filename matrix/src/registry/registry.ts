import {
  grids,
  release,
  releases,
  supportOf,
  type Feature,
  type FeatureId,
  type Release,
  type Support,
} from '@vmbus/catalog'
import { hostProfiles, type HostProfile } from '@vmbus/host'
import type { OwnName } from '@vmbus/report'
import type { Field } from '@vmbus/world'
import { guestOf } from '../guests/guests.ts'
import type { MatrixGuest, NoGuest } from '../guests/types.ts'
import { PROBES } from '../probes/index.ts'
import type { OwnDevice } from '../probes/ends.ts'
import type { Probe } from '../probes/probe.ts'
import { hostFields } from '../worlds/hosts.ts'

/** A row of the list of releases, or a guest of a user's own. */
export type MatrixRelease = Omit<Release, 'distribution'> & { readonly distribution: string }

/** A row of the grids, or one of a user's own. */
export type MatrixFeature = Omit<Feature, 'id'> & { readonly id: FeatureId | OwnName }

/** What the pages say of one release, by host and feature. */
type PublishedOf = (host: string, feature: MatrixFeature['id']) => Support | undefined

/** The file of a user's configuration. */
export interface ConfigFile {
  readonly path: string
  /** SHA-256 of it and of what it is made of. */
  readonly digest: string
}

/** What there is to measure: guests, hosts, features, and the probes that measure those. */
export interface Registry {
  /** Where what is not ours comes from; absent: all is ours. */
  readonly config?: ConfigFile
  readonly releases: readonly MatrixRelease[]
  readonly hosts: readonly HostProfile[]
  readonly features: readonly MatrixFeature[]
  readonly probes: readonly Probe[]
  /** Of a user's own; ours are what a stage has. */
  readonly devices: readonly OwnDevice[]
  /** The release of a name, which may be written otherwise than its key. */
  release(name: string): MatrixRelease | undefined
  /** The simulated guest that stands for a release, or why none does. */
  guestOf(key: string): MatrixGuest | NoGuest
  /** Everything of a host that a probe may read, by name. */
  hostFields(profile: HostProfile): Readonly<Record<string, Field<unknown>>>
  /** What the pages say of a release; undefined where they cannot know it. */
  publishedOf(key: string): PublishedOf | undefined
}

const isPublished = (id: MatrixFeature['id']): id is FeatureId => grids().features.some((known) => known.id === id)

/** What this package knows itself. */
export const OURS: Registry = {
  get releases() {
    return releases()
  },
  hosts: hostProfiles,
  get features() {
    return grids().features
  },
  probes: PROBES,
  devices: [],
  release,
  guestOf,
  hostFields,
  publishedOf(key) {
    const support = supportOf(key)
    return support && ((host, feature) => (isPublished(feature) ? support(host, feature) : undefined))
  },
}

/** The host of an id such as `ws2022`. */
export const hostNamed = ({ hosts }: Pick<Registry, 'hosts'>, id: string): HostProfile | undefined =>
  hosts.find((profile) => profile.id === id)
