import { availableParallelism } from 'node:os'
import type { Execution } from '@vmbus/report'
import { OURS, type Registry } from '../registry/registry.ts'
import { createMemories } from '../worlds/memories.ts'
import type { ExecutionCache } from './cache.ts'
import type { Plan, Task } from './plan.ts'
import { runPool } from './pool.ts'
import { createKernels } from './real.ts'
import { withSharingFaults } from './sharing.ts'
import { runTask, undone } from './task.ts'

/** How far a run is. */
export interface Progress {
  readonly done: number
  readonly total: number
  /** Of those that are done, taken from the cache. */
  readonly cached: number
  /** Seconds until the end as it looks now; undefined before the first has been run. */
  readonly secondsLeft: number | undefined
  readonly last: Execution
}

/** Has tasks run, wherever that is, until all are done or the signal says so; tells each execution once. */
export type Dispatch = (
  tasks: readonly Task[],
  options: { readonly signal?: AbortSignal | undefined; finished(execution: Execution): void },
) => Promise<void>

export interface RunOptions {
  /** Threads; default one for each core. 0 runs all in this one. */
  readonly workers?: number
  /** What runs the tasks instead of threads of this process. */
  readonly dispatch?: Dispatch
  /** Ends the run; what was finished by then is returned, and is in the cache. */
  readonly signal?: AbortSignal
  readonly cache?: ExecutionCache
  /** Of the plan; default: what this package knows itself. */
  readonly registry?: Registry
  onProgress?(progress: Progress): void
}

/** A real kernel takes so many times as long as a simulated guest. */
const REAL_WEIGHT = 60
const weightOf = ({ kernel }: Pick<Task, 'kernel'>): number => (kernel === undefined ? 1 : REAL_WEIGHT)

/** Finished executions between two writes of the cache. */
const FLUSH_EVERY = 200

/**
 * Runs what a plan needs: each of its executions by id, those that an abort left out excepted. One that a cell shares which is
 * found otherwise when it is run alone is an error.
 */
export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<ReadonlyMap<string, Execution>> {
  const { workers = availableParallelism(), dispatch, signal, cache, registry = OURS, onProgress } = options
  const all = new Map<string, Execution>()
  const total = plan.tasks.length
  const began = performance.now()
  let cached = 0
  let [weightRun, weightLeft] = [0, 0]

  function finished(execution: Execution): void {
    all.set(execution.id, execution)
    const secondsLeft = weightRun === 0 ? undefined : ((performance.now() - began) / 1000 / weightRun) * weightLeft
    onProgress?.({ done: all.size, total, cached, secondsLeft, last: execution })
  }
  function ended(execution: Execution): void {
    cache?.put(execution)
    weightRun += weightOf(execution)
    weightLeft -= weightOf(execution)
    finished(execution)
    if (all.size % FLUSH_EVERY === 0) cache?.flush().catch(() => {})
  }

  const left = plan.tasks.filter((task) => {
    const known = cache?.get(task.id)
    if (known === undefined) {
      weightLeft += weightOf(task)
      return true
    }
    cached++
    finished(known)
    return false
  })
  try {
    if (dispatch !== undefined) await dispatch(left, { signal, finished: ended })
    else if (workers > 0) await runPool(left, { workers, signal, finished: ended })
    else await runHere(left, registry, signal, ended)
  } finally {
    // A folder that cannot be written costs the next run its time and this one nothing.
    await cache?.flush().catch(() => {})
  }
  const found = new Map(plan.tasks.flatMap(({ id }) => (all.has(id) ? [[id, all.get(id)!] as const] : [])))
  return withSharingFaults(plan, found)
}

/** One task after the other, in this thread. */
async function runHere(
  tasks: readonly Task[],
  registry: Registry | undefined,
  signal: AbortSignal | undefined,
  ended: (execution: Execution) => void,
): Promise<void> {
  const [memories, kernels] = [createMemories(), createKernels()]
  for (const task of tasks) {
    if (signal?.aborted) return
    ended(
      await runTask(task, registry, memories, undefined, kernels).catch((error: Error) => undone(task, error.message)),
    )
    // Lets an abort be heard.
    await new Promise((resolve) => void setImmediate(resolve))
  }
}
