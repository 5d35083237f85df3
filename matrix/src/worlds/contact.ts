import type { HostProfile } from '@vmbus/host'
import type { MatrixGuest } from '../guests/guests.ts'
import type { Probe } from '../probes/probe.ts'

/** What both ends offer of VMBus, and of the adapter's protocol where the probe reads it. */
export interface Contact {
  readonly guest: readonly number[]
  readonly host: readonly number[]
  readonly adapter?: Adapter
}

/** Versions of NVSP, as the fields have them where the two agree on none. */
interface Adapter {
  readonly guest: unknown
  readonly host: unknown
  /** What both have of it once they agree. */
  readonly agreed?: { readonly guest: readonly number[]; readonly host: readonly number[] }
  /** The host's newest is older than the guest's, which tells who keeps the version low. */
  readonly hostIsOlder: boolean
}

/** A guest and a host without a version in common: 6.0 alone, and 0.13 alone. */
const STRANGERS: Contact = { guest: [0x6_0000], host: [0x0_000d] }

/** Whether guest and host have a version in common: without, nothing else is to be asked. */
export const meet = ({ versions }: MatrixGuest, { vmbus }: HostProfile): boolean =>
  versions.some((version) => vmbus.includes(version))

/**
 * What a probe sees of both ends' versions: those themselves where it is about them, elsewhere only the one that they agree on,
 * which is the first that the guest tries and the host has, and what is older on the host. Probes of the whole lists hold the rule.
 */
export function contactOf(guest: MatrixGuest, host: HostProfile, probe: Probe): Contact {
  const { versions } = guest
  const { vmbus } = host
  if (probe.bus === 'lists') return { guest: versions, host: vmbus }
  const adapter = meetOnAdapter(probe) ? adapterOf(guest, host) : undefined
  const agreed = versions.find((version) => vmbus.includes(version))
  return {
    // A guest's firmware, which comes before it, agrees on an older one.
    ...(agreed === undefined ? STRANGERS : { guest: [agreed], host: vmbus.filter((version) => version <= agreed) }),
    ...(adapter === undefined ? {} : { adapter }),
  }
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

const FAMILIES = ['linux', 'freebsd', 'windows'] as const

/** A probe that reads the adapter's versions, and is not about the lists, sees the one that both ends agree on. */
const meetOnAdapter = ({ reads, bus }: Probe): boolean =>
  bus !== 'lists' &&
  reads.host.includes('netvsc') &&
  FAMILIES.every((family) => reads[family].some((name) => name === 'netvsc'))

/** The contact stands for this field in the key of an execution. */
export const isInContact = (probe: Probe, name: string): boolean =>
  name === 'vmbus' || (name === 'netvsc' && meetOnAdapter(probe))
