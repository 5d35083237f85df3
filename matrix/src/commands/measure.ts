import { assemble, probesFor, type Selection } from '../cells/assemble.ts'
import type { MatrixResults } from '@vmbus/report'
import { earlyResults, inTurn, type EarlyResult } from './early.ts'
import type { Plan } from '../run/plan.ts'
import type { Progress } from '../run/run.ts'
import type { Runner, RunnerOptions } from '../runner.ts'

/** A part of the executions of a run: the `index`-th of `count`, from 1. */
export interface Shard {
  readonly index: number
  readonly count: number
}

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

/** Every machine takes the same executions for the same shard: they are dealt out in the order of their ids. */
function dealt({ tasks, ...plan }: Plan, { index, count }: Shard): Plan {
  const ids = tasks.map(({ id }) => id).toSorted()
  const own = new Set(ids.filter((_, i) => i % count === index - 1))
  // What is compared may be in two shards: the merge does so.
  return { ...plan, tasks: tasks.filter(({ id }) => own.has(id)), checks: [] }
}

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
  const plan = { ...whole, tasks: inTurn(whole.tasks, featureOf) }
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
  const executions = await runner.runPlan(shard === undefined ? plan : dealt(plan, shard), options)
  return assemble(selection, runner, plan, executions)
}
