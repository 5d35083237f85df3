import type { Execution } from '@vmbus/report'
import * as v from 'valibot'
import type { ConfigFile } from '../registry/registry.ts'
import { EXECUTION_SCHEMA } from '../results/schema.ts'
import type { Task } from '../run/plan.ts'
import { undone } from '../run/task.ts'

// What crosses Redis, both ways: tasks as the data of jobs, executions as what they return. Both are looked at when they come.

/** All keys begin with it. */
export const PREFIX = 'vmbus'

/** Runs and workers of one code have a queue of their own, so that what other code measured is never mixed in. */
export const queueName = (code: string): string => `matrix-${code.slice(0, 16)}`

/** Times a job may lose its worker; after the last it is an error, since it may be what ends them. */
export const LOSSES = 2

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const TASK_SCHEMA = v.strictObject({
  id: v.string(),
  probe: v.string(),
  release: v.string(),
  host: v.string(),
  seed: count,
  runs: count,
  whole: v.exactOptional(v.boolean()),
  kernel: v.exactOptional(v.string()),
})

/** A task as the data of a job: where a run has the configuration says nothing to a worker. */
export function dataOf({ config: _, ...data }: Task): unknown {
  return data
}

/** The task of a job, with the configuration as the worker has it. Throws for anything else. */
export function taskOf(data: unknown, config?: ConfigFile): Task {
  const parsed = v.safeParse(TASK_SCHEMA, data)
  if (!parsed.success) throw new Error('a job that is no task of a matrix')
  return { ...parsed.output, ...(config !== undefined && { config }) }
}

/** What a job of a task returned; anything but its execution is an error. */
export function executionOf(task: Task, returned: unknown): Execution {
  const parsed = v.safeParse(EXECUTION_SCHEMA, returned)
  if (!parsed.success) return undone(task, 'a worker gave something else than an execution')
  const { output } = parsed
  const isOurs = (['id', 'probe', 'seed', 'kernel'] as const).every((name) => output[name] === task[name])
  return isOurs ? output : undone(task, 'a worker gave the execution of another task')
}

/** A job that the queue gave up. */
export const givenUp = (task: Task, reason: string): Execution =>
  undone(task, /stalled/.test(reason) ? `its worker was lost ${LOSSES + 1} times` : reason)
