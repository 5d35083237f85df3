import { hostProfiles, type HostProfile } from '@vmbus/host'
import type { Guest } from '@vmbus/machine-v86'
import type { Difference, Normalised, Provenance } from '@vmbus/trace'
import type { Kernel } from '../real-guest.ts'

/** What a real kernel is put through on every host, to keep what it said. */
export interface Scenario {
  /** The folder of its fixtures. */
  readonly name: string
  readonly kernels: readonly Kernel[]
  /** In the order in which they are loaded; hv_vmbus is the first. */
  readonly modules: readonly string[]
  /**
   * With it, these packages and the modules make an image of their own: for programs that the image of all tests has not, or
   * where a transcript has what depends on the image, such as the places of buffers in their pages.
   */
  readonly packages?: readonly string[]
  /** Options by kind: what the host offers as far as its version has it. */
  readonly devices: Readonly<Record<string, unknown>>
  /** Hosts that are recorded; default every one. */
  readonly hosts?: readonly string[]
  /** Hosts that are recorded again to compare; default one of each that a guest with these devices can tell apart. */
  readonly compared?: readonly string[]
  /** Numbers of the scenario that its simulated side needs. */
  readonly facts?: Readonly<Record<string, string | number>>
  /** Packets of each channel that are kept, where what follows only repeats them; default all. */
  readonly keeps?: number
  /** What a newer package of the same release must say as well; default all of a transcript. */
  comparable?(transcript: Normalised): Normalised
  /** What makes two of its transcripts different exchanges; default any byte. */
  compare?(left: Normalised, right: Normalised, provenance: Provenance): Difference[]
  /** Goes on from a guest whose bus is connected and whose modules are loaded; resolves with the outcome. */
  play(guest: Guest, profile: HostProfile): Promise<string>
}

/** Hosts that a guest with these devices cannot tell apart have the same transcript: one of each is enough. */
export function distinctHosts(scenario: Scenario): HostProfile[] {
  const { compared } = scenario
  if (compared !== undefined) return hostsOf({ ...scenario, hosts: compared })
  const seen = new Map<string, HostProfile>()
  for (const profile of hostsOf(scenario)) {
    const settings = Object.entries(profile.devices).filter(([kind]) => kind in scenario.devices)
    const key = JSON.stringify([profile.vmbus, profile.featureFlags, settings])
    if (!seen.has(key)) seen.set(key, profile)
  }
  return [...seen.values()]
}

export const hostsOf = ({ hosts }: Scenario): HostProfile[] =>
  hostProfiles.filter(({ id }) => hosts === undefined || hosts.includes(id))
