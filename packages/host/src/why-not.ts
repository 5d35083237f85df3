import type { Field } from '@vmbus/world'
import { EMULATED, HOST_FEATURES, type EmulatedDevice, type FeatureFact, type HostFeature } from './features.ts'
import type { DeviceSettings, Generation, HostProfile } from './profile.ts'
import { hostProfiles } from './profiles.ts'
import { Source } from './sources.ts'

export type DeviceKind = keyof DeviceSettings

/** Why something is not offered, and how that is known. */
export interface Absence {
  readonly reason: string
  readonly basis: Field<unknown>['basis']
  readonly source: string
}

export interface VirtualMachine {
  /** Default 1. */
  readonly generation?: Generation
  /** Default: the newest of the host. */
  readonly configurationVersion?: string
}

const DEVICES: Readonly<Record<DeviceKind, string>> = {
  heartbeat: 'heartbeat',
  timesync: 'time synchronisation',
  shutdown: 'shutdown',
  kvp: 'key-value pair exchange',
  vss: 'volume shadow copy',
  fcopy: 'file copy',
  netvsc: 'network',
  storvsc: 'storage',
  balloon: 'dynamic memory',
}

const isDevice = (name: string): name is DeviceKind => name in DEVICES
const isEmulated = (name: string): name is EmulatedDevice => name in EMULATED

/** The oldest host that offers a device or has a feature. */
export function firstHost(name: DeviceKind | HostFeature): Field<string> {
  if (!isDevice(name)) return HOST_FEATURES[name].first
  const oldest = hostProfiles.find((profile) => profile.devices[name] !== undefined)
  // Every device kind has a host; the newest stands for a table that is wrong.
  const { id, fields } = oldest ?? newest()
  const { basis, source } = fields[name]
  return { value: id, basis, source }
}

/**
 * Why this host offers a virtual machine no such device or feature; undefined when it does. A device whose versions the
 * profile has is judged by those, anything else by its first host, its generation and its configuration version.
 */
export function whyNot(
  profile: HostProfile,
  name: DeviceKind | HostFeature | EmulatedDevice,
  { generation = 1, configurationVersion }: VirtualMachine = {},
): Absence | undefined {
  if (!profile.fields.generations.value.includes(generation)) return later(profile, HOST_FEATURES['generation-2'])
  if (isEmulated(name)) return generation === 1 ? undefined : notEmulated(name)
  if (isDevice(name)) {
    if (profile.devices[name] !== undefined) return undefined
    return later(profile, { label: DEVICES[name], first: firstHost(name) })
  }
  const feature: FeatureFact = HOST_FEATURES[name]
  if (ageOf(profile.id) < ageOf(feature.first.value)) return later(profile, feature)
  if (feature.generation !== undefined && feature.generation !== generation)
    return { ...basisOf(feature.first), reason: `${feature.label} needs a machine of generation ${feature.generation}` }
  return tooOld(feature, configurationVersion)
}

const newest = (): HostProfile => hostProfiles[hostProfiles.length - 1]!
const ageOf = (id: string): number => hostProfiles.findIndex((profile) => profile.id === id)
const nameOf = (id: string): string => hostProfiles[ageOf(id)]?.name ?? id
const basisOf = ({ basis, source }: Field<unknown>): Pick<Absence, 'basis' | 'source'> => ({ basis, source })

const later = (profile: HostProfile, { label, first }: FeatureFact): Absence => ({
  ...basisOf(first),
  reason: `${profile.name} has no ${label}: it began with ${nameOf(first.value)}`,
})

const notEmulated = (name: EmulatedDevice): Absence => ({
  reason: `a machine of generation 2 has no ${EMULATED[name]}`,
  basis: 'source-read',
  source: Source.generations,
})

function tooOld({ label, configurationVersion: needed }: FeatureFact, given?: string): Absence | undefined {
  if (needed === undefined || given === undefined || numberOf(given) >= numberOf(needed.value)) return undefined
  return {
    ...basisOf(needed),
    reason: `${label} needs configuration version ${needed.value}; this machine has ${given}`,
  }
}

/** `8.1` as 8001, `10.0` as 10000. */
function numberOf(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major * 1000 + minor
}
