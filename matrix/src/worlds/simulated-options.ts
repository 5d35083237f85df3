import { profileOf, type HostProfile } from '@vmbus/host'
import type { MakeOptions, MatrixGuest } from '../guests/types.ts'
import { DEFAULT_RUNS, type Probe } from '../probes/probe.ts'
import { OURS, type Registry } from '../registry/registry.ts'
import { contactOf } from './contact.ts'
import { nextHost, projectedHost } from './hosts.ts'
import type { LifeOptions } from './life.ts'
import type { Watch } from './measured-stage.ts'
import type { Memories } from './memories.ts'
import { ownSpecs } from './own-devices.ts'
import { endsOf } from './worlds.ts'

export interface SimulatedOptions {
  readonly probe: Probe
  readonly guest: MatrixGuest
  readonly profile: HostProfile
  /** Where the two are from; default: what this package knows itself. */
  readonly registry?: Registry
  readonly seed: number
  /** Values that each property draws. */
  readonly runs: number
  /** The guest and the host with all that is their own, instead of what the probe reads alone. */
  readonly whole?: boolean
  /** Values that are taken away from a Linux guest. */
  readonly change?: MakeOptions['change']
  /** Steps of the world after which the guest counts as hung; default 2,000,000, and more for more than 20 values. */
  readonly budget?: number
  /** Told of all that crosses and of what does not hold, by whoever looks at one execution closely. */
  readonly watch?: Watch | undefined
  /** RAM of earlier guests; default new RAM for each. */
  readonly memories?: Memories | undefined
}

const BUDGET = 2_000_000
const budgetOf = ({ runs }: SimulatedOptions): number => BUDGET * Math.max(1, runs / DEFAULT_RUNS)

export function lifeOptions(options: SimulatedOptions, reads: readonly string[]): LifeOptions {
  const { probe, guest, profile, registry = OURS, seed, whole = false, change, memories, watch } = options
  const { budget = budgetOf(options) } = options
  const taken = change === undefined ? {} : { change }
  const contact = contactOf(guest, profile, probe)
  return {
    guest,
    make: whole ? taken : { reads, contact, ...taken },
    profile: whole ? profile : projectedHost(profile, probe.reads.host, contact),
    ends: endsOf(probe),
    own: ownSpecs(registry.devices, endsOf(probe), registry.hostFields(profile)),
    machine: probe.machine ?? {},
    seed,
    budget,
    ...(watch !== undefined && { watch: watch.crossed }),
    memories,
  }
}

/** The next version of a host with all that it has of the adapter, under the name of the one that the guest's state is of. */
export function nextProfile({ profile, probe, whole = false }: SimulatedOptions, own: LifeOptions): HostProfile {
  const next = nextHost(profile)
  return whole
    ? profileOf(profile.id, next.name, next.fields)
    : projectedHost(next, probe.reads.host, { host: own.profile.fields.vmbus.value })
}

/** A guest's fields, and in place of what was taken away what is left. */
export function ownFields({
  guest,
  change = {},
}: SimulatedOptions): Readonly<Record<string, { readonly value: unknown }>> {
  const fields: Record<string, { readonly value: unknown }> = { ...guest.fields }
  for (const [name, value] of Object.entries<unknown>(change)) fields[name] = { value }
  return fields
}
