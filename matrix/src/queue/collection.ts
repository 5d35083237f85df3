import type { Execution } from '@vmbus/report'
import type { Task } from '../run/plan.ts'
import { executionOf, givenUp } from './jobs.ts'

/** The tasks of a run that no execution has come for yet; of what comes for one twice the first counts. */
export interface Collection {
  readonly left: ReadonlyMap<string, Task>
  /** A job returned something. */
  completed(id: string, returned: unknown): void
  /** A job was given up. */
  failed(id: string, reason: string): void
  /** Called when there is nothing left to wait for. */
  wakes(wake: () => void): void
  /** Throws what `finished` threw. */
  check(): void
}

export function collection(tasks: readonly Task[], finished: (execution: Execution) => void): Collection {
  const left = new Map(tasks.map((task) => [task.id, task]))
  let wake = (): void => {}
  let failure: { readonly error: unknown } | undefined
  const isOver = (): boolean => left.size === 0 || failure !== undefined

  function take(id: string, executionFor: (task: Task) => Execution): void {
    const task = left.get(id)
    if (task === undefined || failure !== undefined) return
    left.delete(id)
    try {
      finished(executionFor(task))
    } catch (error) {
      // It is the run that fails, and not the reader of events that called.
      failure = { error }
    }
    if (isOver()) wake()
  }

  return {
    left,
    completed: (id, returned) => take(id, (task) => executionOf(task, returned)),
    failed: (id, reason) => take(id, (task) => givenUp(task, reason)),
    wakes(call) {
      wake = call
      if (isOver()) call()
    },
    check() {
      if (failure !== undefined) throw failure.error
    },
  }
}
