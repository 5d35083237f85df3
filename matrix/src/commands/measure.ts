import { assemble, probesFor, type Selection } from '../cells/assemble.ts'
import type { MatrixResults, Shard } from '@vmbus/report'
import { earlyResults, inTurn, type EarlyResult } from './early.ts'
import type { Plan } from '../run/plan.ts'
import type { Progress } from '../run/run.ts'
import { dealt } from '../run/shards.ts'
import type { Runner, RunnerOptions } from '../runner.ts'

export interface MeasureSettings {
  readonly seed: number
  readonly runs?: number
  readonly workers?: number
  readonly queue?: RunnerOptions['queue']
  readonly shard?: Shard
  /** Real kernels to run as well, by release. */
  readonly kernels?: Readonly<Record<string, string>> | undefined
  readonly signal: AbortSignal
  onProgress?(progress: Progress): void
  /** Hears each feature once it is certain, before the end. */
  onFeature?(result: EarlyResult): void
}

/** The plan of a selection. */
export const planFor = (
  runner: Runner,
  selection: Selection,
  seed: number,
  runs?: number,
  kernels?: MeasureSettings['kernels'],
): Plan =>
  runner.planOf(
    selection.releases.flatMap(({ key: release }) => selection.hosts.map((host) => ({ release, host }))),
    probesFor(selection, runner.registry.probes),
    { seed, ...(runs !== undefined && { runs }), kernels },
  )

/** Guests are made once, though the cells of each feature are told as soon as it ends, and then all. */
function withGuestsKept(runner: Runner): Runner {
  const { registry } = runner
  const guests = new Map<string, ReturnType<typeof registry.guestOf>>()
  return {
    ...runner,
    registry: {
      ...registry,
      guestOf(key) {
        const guest = guests.get(key) ?? registry.guestOf(key)
        guests.set(key, guest)
        return guest
      },
    },
  }
}

/** Runs what a selection needs, or one shard of it, and gives its cells. What had ended before an abort is kept. */
export async function measure(
  given: Runner,
  selection: Selection,
  { seed, runs, workers, queue, shard, kernels, signal, onProgress, onFeature }: MeasureSettings,
): Promise<MatrixResults> {
  const runner = withGuestsKept(given)
  const whole = planFor(runner, selection, seed, runs, kernels)
  const probes = new Map(runner.registry.probes.map(({ id, feature }) => [id, feature]))
  const featureOf = (probe: string): string | undefined => probes.get(probe)
  const ordered = { ...whole, tasks: inTurn(whole.tasks, featureOf) }
  const plan = shard === undefined ? ordered : dealt(ordered, shard)
  // A shard has a part of each feature: nothing is certain before all are merged.
  const early = shard === undefined && onFeature && earlyResults({ runner, selection, plan }, featureOf, onFeature)
  const options: RunnerOptions = {
    signal,
    ...(workers !== undefined && { workers }),
    ...(queue !== undefined && { queue }),
    onProgress(progress) {
      if (early) early(progress)
      onProgress?.(progress)
    },
  }
  const executions = await runner.runPlan(plan, options)
  return assemble(selection, runner, plan, executions)
}
