import type { HostProfile } from '@vmbus/host'
import type { MatrixFeature, MatrixRelease } from '../registry/registry.ts'
import type { Plan } from '../run/plan.ts'
import { remembered } from '../remembered.ts'
import type { Runner, RunnerGuest, RunnerRegistry } from '../runner.ts'
import type { Probe } from '../probes/probe.ts'
import { buildResults } from '../results/build.ts'
import type { Execution, MatrixResults, ReadField, ResultFeature, ResultRelease } from '@vmbus/report'
import { CAUSES } from './causes/index.ts'
import type { Part } from './combine.ts'
import { resultHost } from './host-facts.ts'
import { withReal } from './real.ts'
import { sharedReads, type ReadsOf } from './shared-reads.ts'
import { storyTeller } from './story.ts'

/** What a run was asked for. */
export interface Selection {
  readonly releases: readonly MatrixRelease[]
  readonly hosts: readonly HostProfile[]
  readonly features: readonly MatrixFeature[]
}

/** Probes that measure one of the features. */
export const probesFor = ({ features }: Selection, probes: readonly Probe[]): readonly Probe[] =>
  probes.filter((probe) => features.some(({ id }) => id === probe.feature))

const NOTHING_READ: readonly ReadField[] = []

/**
 * Tells what each probe of a feature gave for a cell: its execution, or why there is none; without `readsOf` not what it read.
 * Parts of one execution that read the same are one object.
 */
export function partsOf(
  { releases, features }: Pick<Selection, 'releases' | 'features'>,
  { registry }: Pick<Runner, 'registry'>,
  plan: Plan,
  executions: ReadonlyMap<string, Execution>,
  readsOf: ReadsOf<RunnerGuest> = () => NOTHING_READ,
): (release: string, host: string, feature: MatrixFeature['id']) => readonly Part[] {
  const guests = new Map(releases.map(({ key }) => [key, registry.guestOf(key)]))
  const probes = new Map(
    features.map(({ id }) => [id, registry.probes.filter(({ feature }) => feature === id)] as const),
  )

  const simulated = remembered((probe: Probe, execution: Execution) => ({ probe, execution }))
  const read = remembered((ran: ReturnType<typeof simulated>, reads: readonly ReadField[]): Part => ({ ...ran, reads }))

  function partOf(probe: Probe, release: string, host: string): Part {
    const guest = guests.get(release)
    const planned = plan.of(release, host, probe.id)
    if (guest === undefined || !('fields' in guest)) {
      return { probe, reads: [], notRun: { why: 'no-guest', ...(guest && { detail: guest.reason }) } }
    }
    if (!('id' in planned)) return { probe, reads: [], notRun: { why: 'not-planned', detail: planned.reason } }
    const execution = executions.get(planned.id)
    if (execution === undefined) return { probe, reads: [], notRun: { why: 'not-finished' } }
    const part = read(simulated(probe, execution), readsOf(guest, host, probe, execution.decidedBy))
    return withReal(part, executions.get(plan.realOf(release, host, probe.id) ?? ''), probe)
  }

  return (release, host, feature) => (probes.get(feature) ?? []).map((probe) => partOf(probe, release, host))
}

/**
 * The results of what ran: every cell of the selection, those of which nothing ran as well. The same plan and executions give
 * the same results, wherever and in whatever order they ran.
 */
export function assemble(
  selection: Selection,
  runner: Runner,
  plan: Plan,
  executions: ReadonlyMap<string, Execution>,
): MatrixResults {
  const { releases, hosts, features } = selection
  const { registry } = runner
  const probes = probesFor(selection, registry.probes)
  const rows = new Map(releases.map((row) => [row.key, { row, published: registry.publishedOf(row.key) }]))
  const fields = new Map(hosts.map((profile) => [profile.id, registry.hostFields(profile)]))
  const parts = partsOf(selection, runner, plan, executions, sharedReads(fields))
  const storyOf = storyTeller(CAUSES)

  return buildResults({
    seed: plan.seed,
    runs: plan.runs,
    ...(plan.kernels !== undefined && { kernels: plan.kernels }),
    ...(plan.shard !== undefined && { shard: plan.shard }),
    features: features.map((feature) => resultFeature(feature, probes)),
    hosts: hosts.map(resultHost),
    releases: releases.map((row) => resultRelease(row, registry.guestOf(row.key))),
    executions: executions.values(),
    causes: CAUSES,
    storyOf({ key }, { id: host }, { id: feature }) {
      const found = rows.get(key)
      if (found === undefined) throw new Error(`${key} was not asked for`)
      const support = found.published?.(host, feature)
      return storyOf({ release: found.row, host, feature, support, parts: parts(key, host, feature) })
    },
  })
}

function resultFeature({ id, name, group }: MatrixFeature, probes: readonly Probe[]): ResultFeature {
  const own = probes.filter(({ feature }) => feature === id)
  const missing = own.flatMap((probe) => (probe.missing === undefined ? [] : [probe.missing])).join('; ')
  return { id, name, group, probes: own.map((probe) => probe.id), ...(missing !== '' && { missing }) }
}

const resultRelease = (
  row: MatrixRelease,
  guest: ReturnType<RunnerRegistry['guestOf']> | undefined,
): ResultRelease => ({
  key: row.key,
  family: row.distribution,
  kernel: row.kernel.value,
  drivers: row.drivers,
  ...(row.ended !== undefined && { supportEnds: row.ended.value }),
  ...(guest !== undefined && 'name' in guest && { generation: guest.name }),
})
