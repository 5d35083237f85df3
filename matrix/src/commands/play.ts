import type { Entry } from '@vmbus/trace'
import type { Execution, MatrixResults } from '@vmbus/report'
import { assemble, type Selection } from '../cells/assemble.ts'
import type { Failure } from '../probes/property.ts'
import type { Runner } from '../runner.ts'
import { planFor } from './measure.ts'

/** What one probe of a cell did when it was played again. */
export interface Play {
  readonly execution: Execution
  /** All that crossed, in order. */
  readonly entries: readonly Entry[]
  readonly failures: readonly (readonly [property: string, failure: Failure])[]
}

export interface PlaySettings {
  readonly seed: number
  readonly runs?: number
  /** Guest and host with all that is their own, instead of what the probe reads alone. */
  readonly whole?: boolean
  /** Real kernels to play on as well, by release. */
  readonly kernels?: MatrixResults['kernels'] | undefined
}

export interface PlayedCell {
  readonly results: MatrixResults
  readonly plays: readonly Play[]
}

/** Plays each probe of one cell in this thread, whatever was kept of earlier runs, and gives the cell that comes of it. */
export async function playCell(
  runner: Runner,
  selection: Selection,
  { seed, runs, whole = false, kernels }: PlaySettings,
  signal: AbortSignal,
): Promise<PlayedCell> {
  const plan = planFor(runner, selection, seed, runs, kernels)
  const plays: Play[] = []
  for (const task of plan.tasks) {
    signal.throwIfAborted()
    const entries: Entry[] = []
    const failures: [string, Failure][] = []
    const execution = await runner.replay(whole ? { ...task, whole } : task, {
      crossed: (entry) => void entries.push(entry),
      failed: (property, failure) => void failures.push([property, failure]),
    })
    plays.push({ execution, entries, failures })
    // Lets an abort be heard.
    await new Promise((resolve) => void setImmediate(resolve))
  }
  const executions = new Map(plays.map(({ execution }) => [execution.id, execution]))
  return { results: assemble(selection, runner, plan, executions), plays }
}
