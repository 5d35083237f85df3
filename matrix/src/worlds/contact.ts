import type { HostProfile } from '@vmbus/host'
import type { MatrixGuest } from '../guests/guests.ts'
import type { Probe } from '../probes/probe.ts'

/** What both ends offer of VMBus. */
export interface Contact {
  readonly guest: readonly number[]
  readonly host: readonly number[]
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
export function contactOf({ versions }: MatrixGuest, { vmbus }: HostProfile, { bus = 'agreed' }: Probe): Contact {
  if (bus === 'lists') return { guest: versions, host: vmbus }
  const agreed = versions.find((version) => vmbus.includes(version))
  // A guest's firmware, which comes before it, agrees on an older one.
  return agreed === undefined ? STRANGERS : { guest: [agreed], host: vmbus.filter((version) => version <= agreed) }
}
