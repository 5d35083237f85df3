import { hostProfile } from '@vmbus/host'
import { guestOf, isGuest } from '../guests/guests.ts'
import { PROBES } from '../probes/index.ts'
import type { Execution } from '../results/execution.ts'
import { execute } from './execute.ts'
import type { Plan, Task } from './plan.ts'

/** How far a run is. */
export interface Progress {
  readonly done: number
  readonly total: number
  /** Of those that are done, taken from the cache. */
  readonly cached: number
  /** Seconds until the end as it looks now; undefined before the first has ended. */
  readonly secondsLeft: number | undefined
  readonly last: Execution
}

/** Executions of earlier runs, by their id. */
export interface ExecutionCache {
  get(id: string): Promise<Execution | undefined>
  put(execution: Execution): Promise<void>
}

export interface RunOptions {
  /** Threads; default one for each core, 0 runs all in this one. */
  readonly workers?: number
  /** Ends the run; what was finished by then is returned. */
  readonly signal?: AbortSignal
  readonly cache?: ExecutionCache
  onProgress?(progress: Progress): void
}

/** Runs a task in this thread. */
export async function runTask(task: Task): Promise<Execution> {
  const { id, seed, runs } = task
  const probe = PROBES.find((each) => each.id === task.probe)
  const guest = guestOf(task.release)
  const profile = hostProfile(task.host)
  if (probe === undefined || !isGuest(guest) || profile === undefined)
    throw new Error(`a task of another version of this package: ${task.probe}, ${task.release}, ${task.host}`)
  return execute({ id, probe, guest, profile, seed, runs })
}

/** Runs what a plan needs. Executions that were finished before an abort are all returned. */
export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<ReadonlyMap<string, Execution>> {
  const { signal, cache, onProgress } = options
  const finished = new Map<string, Execution>()
  const total = plan.tasks.length
  const began = performance.now()
  let cached = 0
  for (const task of plan.tasks) {
    if (signal?.aborted) break
    const known = await cache?.get(task.id)
    const execution = known ?? (await runTask(task))
    if (known === undefined) await cache?.put(execution)
    else cached++
    finished.set(task.id, execution)
    const done = finished.size
    const secondsEach = (performance.now() - began) / 1000 / Math.max(1, done - cached)
    onProgress?.({ done, total, cached, secondsLeft: secondsEach * (total - done), last: execution })
    // Lets an abort be heard.
    await new Promise((resolve) => void setImmediate(resolve))
  }
  return finished
}
