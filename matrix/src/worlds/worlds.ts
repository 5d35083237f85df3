import type { EndName } from '../probes/ends.ts'
import { ProbeError } from '../probes/errors.ts'
import type { Probe, WorldName } from '../probes/probe.ts'

const WORLD_ENDS: Readonly<Record<WorldName, readonly EndName[]>> = {
  services: ['heartbeat', 'timesync', 'shutdown', 'kvp', 'vss', 'fcopy'],
  network: ['netvsc'],
  storage: ['storvsc', 'fc'],
  memory: ['balloon'],
}

/** The ends of ours. */
export const OUR_ENDS = Object.values(WORLD_ENDS).flat()

/** The ends that a probe's guest is offered. */
export const endsOf = ({ world, devices }: Pick<Probe, 'world' | 'devices'>): readonly EndName[] =>
  devices ?? WORLD_ENDS[world]

/** The end, where it is among those that the probe names. Throws ProbeError otherwise. */
export function namedEnd<E extends EndName>({ id }: Probe, ends: readonly E[], end: EndName): E {
  const found = ends.find((each) => each === end)
  if (found === undefined) throw new ProbeError(`the probe ${id} uses ${end}, which it does not name`)
  return found
}

/** RAM in MiB that the guest's drivers need for their buffers: FreeBSD's adapter takes 46 of them. */
const MEMORY: Partial<Record<EndName, number>> = { netvsc: 64, storvsc: 16, fc: 16, balloon: 64 }
const LEAST = 4

export const memoryOf = (ends: readonly EndName[]): number => Math.max(LEAST, ...ends.map((end) => MEMORY[end] ?? 0))
