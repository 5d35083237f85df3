import type { HostProfile } from '@vmbus/host'
import type { MatrixGuest } from '../guests/types.ts'
import type { Probe } from '../probes/probe.ts'
import type { Registry } from '../registry/registry.ts'
import type { Execution } from '@vmbus/report'
import { execute } from './execute.ts'

export interface ControlOptions {
  /** A Linux guest for which every probe of `among` is green. */
  readonly guest: MatrixGuest
  readonly profile: HostProfile
  /** Where the two are from; default: what this package knows itself. */
  readonly registry?: Registry
  readonly seed: number
  readonly runs: number
  /** The probes that are played without the capability. */
  readonly among: readonly Probe[]
}

/** `works` and `partial` are green, and everything else is red. */
export const isGreen = ({ outcome }: Pick<Execution, 'outcome'>): boolean =>
  outcome === 'works' || outcome === 'partial'

/** Takes capabilities away, and tells which probes are red then. */
export async function without(change: Probe['control'], options: ControlOptions): Promise<readonly Execution[]> {
  const { among, ...rest } = options
  const ends = []
  for (const probe of among) ends.push(await execute({ ...rest, id: probe.id, probe, change }))
  return ends.filter((execution) => !isGreen(execution))
}
