import type { HostProfile } from '@vmbus/host'
import type { Adapter, Contact, MatrixGuest } from '../guests/types.ts'
import type { Probe } from '../probes/probe.ts'

/** A guest and a host without a version in common: 6.0 alone, and 0.13 alone. */
const STRANGERS: Contact = { guest: [0x6_0000], host: [0x0_000d] }

/** Whether guest and host have a version in common: without, nothing else is to be asked. */
export const meet = ({ versions }: MatrixGuest, { vmbus }: HostProfile): boolean =>
  versions.some((version) => vmbus.includes(version))

/**
 * What a probe sees of both ends' versions: those that the guest tries until the host takes one where it is about them, elsewhere
 * only that one; of the host also what is older. Probes that see what is tried hold the rule.
 */
export function contactOf(guest: MatrixGuest, host: HostProfile, probe: Probe): Contact {
  return {
    ...busOf(guest, host, probe),
    ...(meetOnAdapter(probe) ? { adapter: adapterOf(guest, host) } : {}),
    ...(meetOnStorage(probe) ? { storage: storageOf(guest, host) } : {}),
  }
}

function busOf({ versions }: MatrixGuest, { vmbus }: HostProfile, { bus }: Probe): Pick<Contact, 'guest' | 'host'> {
  const at = versions.findIndex((version) => vmbus.includes(version))
  const agreed = versions[at]
  if (agreed === undefined) return bus === 'tried' ? { guest: versions, host: vmbus } : STRANGERS
  // A guest's firmware, which comes before it, agrees on an older one.
  const host = vmbus.filter((version) => version <= agreed)
  return { guest: bus === 'tried' ? versions.slice(0, at + 1) : [agreed], host }
}

const words = (value: unknown): readonly number[] =>
  Array.isArray(value) ? value.filter((word): word is number => typeof word === 'number') : []

/** Every driver tries from its newest version down until the host takes one: what is above and below that is not seen. */
function adapterOf({ fields }: MatrixGuest, host: HostProfile): Adapter {
  const [guest, offered] = [fields['netvsc']?.value, host.fields.netvsc.value]
  const hostIsOlder = Math.max(...words(offered)) < Math.max(...words(guest))
  const common = words(guest).filter((version) => words(offered).includes(version))
  if (common.length === 0) return { guest, host: offered, hostIsOlder }
  const newest = Math.max(...common)
  const agreed = { guest: [newest], host: words(offered).filter((version) => version <= newest) }
  return { ...agreed, agreed, hostIsOlder }
}

/**
 * A guest asks for versions of its own until the host takes one, so what is newer on the host is not seen. The guest keeps all of
 * its list: the packets with which a driver begins, and its answer to errors, follow from what it knows.
 */
function storageOf({ fields }: MatrixGuest, host: HostProfile): readonly number[] {
  const offered = host.fields.storvsc.value
  const newest = Math.max(...words(fields['storvsc']?.value).filter((version) => offered.includes(version)))
  return Number.isFinite(newest) ? offered.filter((version) => version <= newest) : offered
}

const FAMILIES = ['linux', 'freebsd', 'windows'] as const

const bothRead = ({ reads }: Probe, field: 'netvsc' | 'storvsc'): boolean =>
  reads.host.includes(field) && FAMILIES.every((family) => reads[family].some((name) => name === field))

/** A probe that reads the adapter's versions, and is not about what is tried, sees the one that both ends agree on. */
const meetOnAdapter = (probe: Probe): boolean => probe.bus !== 'tried' && bothRead(probe, 'netvsc')

const meetOnStorage = (probe: Probe): boolean => bothRead(probe, 'storvsc')

/** The contact stands for this field of an end in the key of an execution. */
export const isInContact = (probe: Probe, name: string, end: 'guest' | 'host'): boolean =>
  name === 'vmbus' ||
  (name === 'netvsc' && meetOnAdapter(probe)) ||
  (name === 'storvsc' && end === 'host' && meetOnStorage(probe))
