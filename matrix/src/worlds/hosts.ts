import {
  HOST_FEATURES,
  hostProfiles,
  profileOf,
  whyNot,
  ws2025,
  type FeatureFact,
  type HostFeature,
  type HostProfile,
} from '@vmbus/host'
import type { Probe } from '../probes/probe.ts'
import type { Field } from '@vmbus/world'
import type { Contact } from '../guests/types.ts'

/** A feature of the host as a field: whether a virtual machine of it can have that, of the generation that it needs. */
function featureField(profile: HostProfile, name: HostFeature): Field<boolean> {
  const { first, generation = 1 }: FeatureFact = HOST_FEATURES[name]
  return { value: whyNot(profile, name, { generation }) === undefined, basis: first.basis, source: first.source }
}

const FEATURES = Object.keys(HOST_FEATURES) as readonly HostFeature[]

/** Everything of a host that a probe may read, by name. */
export const hostFields = (profile: HostProfile): Readonly<Record<string, Field<unknown>>> => ({
  ...profile.fields,
  ...Object.fromEntries(FEATURES.map((name) => [name, featureField(profile, name)])),
})

const isServer = ({ id }: HostProfile): boolean => id.startsWith('ws')

/**
 * The next version of Windows Server, to which a machine of this host can move while it runs: from 2012 on (What's New in Hyper-V for
 * Windows Server 2012 R2, cross-version live migration; later a rolling upgrade of a cluster). Of others, and of the newest, the same.
 */
export function nextHost(profile: HostProfile): HostProfile {
  const servers = hostProfiles.filter(isServer)
  const at = servers.indexOf(profile)
  return at < servers.findIndex(({ id }) => id === 'ws2012') ? profile : (servers[at + 1] ?? profile)
}

/** A host that speaks these versions of VMBus, has these facts of a build and all others of Windows Server 2025, so that nothing else of it can be seen. */
export function projectedHost(
  profile: HostProfile,
  reads: readonly string[],
  { host, adapter, storage }: Omit<Contact, 'guest'>,
): HostProfile {
  const own = Object.entries(profile.fields).filter(([name]) => reads.includes(name))
  return profileOf('projected', `Windows Server 2025 with facts of ${profile.name}`, {
    ...ws2025.fields,
    ...Object.fromEntries(own),
    vmbus: { ...profile.fields.vmbus, value: host },
    ...(adapter?.agreed && { netvsc: { ...profile.fields.netvsc, value: adapter.agreed.host } }),
    ...(storage && { storvsc: { ...profile.fields.storvsc, value: storage } }),
  })
}

/** Whether a host with these fields has what a probe needs of it beside the devices. */
export function hasNeeded(
  profile: HostProfile,
  fields: Readonly<Record<string, Field<unknown>>>,
  { needs }: Probe,
): boolean {
  if (needs === undefined) return true
  return needs.has?.(profile) ?? fields[needs.field]?.value === true
}
