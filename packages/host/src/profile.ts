import type { VmbusVersion } from '@vmbus/core'
import type { PartitionFeatures } from '@vmbus/hypervisor'
import type { IcVersions } from '@vmbus/ic'
import { weakestOf, type Evidenced, type Field } from '@vmbus/world'

/** A device whose host end takes a set of protocol versions, as its wire numbers. */
export interface VersionSettings {
  readonly versions: readonly number[]
}

/** The arguments of each device on a host version. A device without an entry is not offered by that host. */
export interface DeviceSettings {
  readonly heartbeat?: IcVersions
  readonly timesync?: IcVersions
  readonly shutdown?: IcVersions
  readonly kvp?: IcVersions
  readonly vss?: IcVersions
  readonly fcopy?: IcVersions
  /** NVSP words: `NvspVersion` of @vmbus/netvsc/protocol. */
  readonly netvsc?: VersionSettings
  /** VSTOR words: `VstorVersion` of @vmbus/storvsc/protocol. */
  readonly storvsc?: VersionSettings
  /** Dynamic memory words: `DmVersion` of @vmbus/balloon/protocol. */
  readonly balloon?: VersionSettings
}

/** 1: BIOS and emulated devices beside the synthetic ones; 2: UEFI and synthetic devices alone. */
export type Generation = 1 | 2

/** How many of each device one virtual machine may have. */
export interface DeviceLimits {
  readonly ideDisks: number
  readonly scsiControllers: number
  readonly disksPerScsiController: number
  readonly syntheticAdapters: number
  readonly emulatedAdapters: number
  readonly fibreChannelAdapters: number
}

type Build = readonly [major: number, minor: number, build: number]

/** Lists that grow from build to build, oldest entry first. A device whose list is empty is not offered. */
export interface VersionFacts {
  readonly vmbus: readonly VmbusVersion[]
  /** Of the integration components' negotiation. */
  readonly framework: readonly number[]
  /** Message versions of each integration component, as `icVersion` writes them. */
  readonly heartbeat: readonly number[]
  readonly timesync: readonly number[]
  readonly shutdown: readonly number[]
  readonly kvp: readonly number[]
  readonly vss: readonly number[]
  readonly fcopy: readonly number[]
  readonly netvsc: readonly number[]
  readonly storvsc: readonly number[]
  readonly balloon: readonly number[]
}

export interface BuildFacts {
  readonly build: Build
  /** Feature flags that a connection of version 6.0 may use (wire/02 §3). */
  readonly featureFlags: number
  /** Bytes of GPADLs that one guest may hold. */
  readonly gpadlLimit: number
  /** Virtual processors of one virtual machine, by generation. */
  readonly maxVps: Readonly<Partial<Record<Generation, number>>>
  readonly generations: readonly Generation[]
  /** Configuration versions of virtual machines that run here, oldest first. */
  readonly configurationVersions: readonly string[]
  readonly limits: DeviceLimits
}

/** What is known of a build. Of a list, the basis is that of its newest entry. */
export type HostFacts = VersionFacts & BuildFacts

/** A Hyper-V build: facts only, given to the partition, the bus and the devices as arguments. */
export interface HostProfile {
  readonly id: string
  readonly name: string
  /** Every fact with its basis and source; what stands beside it are the plain values. */
  readonly fields: Evidenced<HostFacts>
  /** Versions of VMBus that the host accepts, ascending. */
  readonly vmbus: readonly VmbusVersion[]
  readonly featureFlags: number
  readonly gpadlLimit: number
  readonly partition: Pick<PartitionFeatures, 'version' | 'maxVps'>
  readonly devices: DeviceSettings
  readonly limits: DeviceLimits
}

/** `onward`: the source says the same of every later build. Other facts are inferred of those. */
type Fact<T> = Field<T> & { readonly onward?: true }
type Facts<T> = { readonly [K in keyof T]: Fact<T[K]> }

/** What a build changes from the one before it. */
export interface ProfileDelta {
  readonly id: string
  readonly name: string
  /** Versions that this build adds; none, when only the source of what it already has is named. */
  readonly adds?: Partial<Facts<VersionFacts>>
  readonly sets: Pick<Facts<BuildFacts>, 'build'> & Partial<Facts<BuildFacts>>
}

const COMPONENTS = ['heartbeat', 'timesync', 'shutdown', 'kvp', 'vss', 'fcopy'] as const
const VERSIONED = ['netvsc', 'storvsc', 'balloon'] as const
const LISTS = ['vmbus', 'framework', ...COMPONENTS, ...VERSIONED] as const

/** Every kind of device whose presence is a fact of the build. */
export const DEVICE_KINDS: readonly (keyof DeviceSettings)[] = [...COMPONENTS, ...VERSIONED]

/** The profile of a build of which everything is given: one of your own, or one that has some facts of another. */
export function profileOf(id: string, name: string, fields: Facts<HostFacts>): HostProfile {
  const [major, minor, build] = fields.build.value
  const framework = fields.framework.value
  const components = COMPONENTS.filter((kind) => fields[kind].value.length > 0)
  const versioned = VERSIONED.filter((kind) => fields[kind].value.length > 0)
  return {
    id,
    name,
    fields,
    vmbus: fields.vmbus.value,
    featureFlags: fields.featureFlags.value,
    gpadlLimit: fields.gpadlLimit.value,
    partition: {
      version: { major, minor, build, servicePack: 0, serviceNumber: 0, serviceBranch: 0 },
      maxVps: Math.max(...Object.values(fields.maxVps.value)),
    },
    devices: {
      ...Object.fromEntries(components.map((kind) => [kind, { framework, message: fields[kind].value }])),
      ...Object.fromEntries(versioned.map((kind) => [kind, { versions: fields[kind].value }])),
    },
    limits: fields.limits.value,
  }
}

/** A fact as a later build has it of which nobody wrote anything. */
function handedDown<T>(fact: Fact<T>, from: string): Fact<T> {
  if (fact.onward || fact.source.startsWith('as ')) return fact
  return { value: fact.value, basis: weakestOf(['inferred', fact.basis]), source: `as ${from}: ${fact.source}` }
}

function grown(old: Fact<readonly number[]>, added: Fact<readonly number[]>): Fact<readonly number[]> {
  return { ...added, value: [...old.value, ...added.value] }
}

/** The next build: everything of `previous` but for what `delta` names. */
export function after(previous: HostProfile, delta: ProfileDelta): HostProfile {
  const handed = mapFacts(previous.fields, (fact) => handedDown(fact, previous.name))
  const lists = LISTS.flatMap((name) => {
    const added = delta.adds?.[name]
    return added === undefined ? [] : [[name, grown(previous.fields[name], added)] as const]
  })
  return profileOf(delta.id, delta.name, { ...handed, ...Object.fromEntries(lists), ...delta.sets })
}

function mapFacts(facts: Facts<HostFacts>, change: <T>(fact: Fact<T>) => Fact<T>): Facts<HostFacts>
function mapFacts(facts: Readonly<Record<string, Fact<unknown>>>, change: <T>(fact: Fact<T>) => Fact<T>): object {
  return Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, change(fact)]))
}
