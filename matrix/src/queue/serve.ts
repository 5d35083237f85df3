import { randomUUID } from 'node:crypto'
import type { Execution } from '@vmbus/report'
import type { ConfigFile } from '../registry/registry.ts'
import type { Task } from '../run/plan.ts'
import { newThread, type Thread } from '../run/pool.ts'
import { connect, unlessLost, type Connection, type ConnectionTimes } from './connection.ts'
import { LOSSES, PREFIX, queueName, taskOf } from './jobs.ts'
import { clearQueue, expireQueue } from './keep.ts'
import { queueLibraries } from './libraries.ts'
import { BEAT_MS, counterparts, leave, present, requireSameCode, strangers, type Presence } from './presence.ts'
import type { QueueSide } from './produce.ts'
import { wait } from './wait.ts'

/**
 * Milliseconds for which a worker holds a job without a sign of life, and between two looks for jobs whose worker has none: what
 * a dead worker held runs elsewhere within the sum of both and one look more. A worker's own thread does nothing but talk,
 * so that even a machine with twenty times too much to do is in time.
 */
const LOCK_MS = 8000
const LOOK_MS = 3000

interface ServeTimes extends ConnectionTimes {
  readonly lockMs?: number
  readonly lookMs?: number
}

export interface ServeOptions extends QueueSide {
  readonly threads: number
  /** What is measured beside what this package knows; its digest is a part of that of the code. */
  readonly config?: ConfigFile
  /** Ends it, after the executions that are under way. */
  readonly signal: AbortSignal
  readonly times?: ServeTimes
}

/** Makes the executions of a queue until the signal says so, and tells how many. Throws QueueError. */
export async function serve(options: ServeOptions): Promise<number> {
  const { address, threads: count, signal, times } = options
  const connection = await connect(address, times)
  signal.addEventListener('abort', connection.stopWaiting)
  const threads = Array.from({ length: count }, () => newThread())
  let done = 0
  try {
    await unlessLost(
      connection,
      work(options, connection, [...threads], () => done++),
    )
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', connection.stopWaiting)
    for (const thread of threads) thread.end()
    connection.close()
  }
  return done
}

async function work(
  { address, code, version, config, signal, tell, times = {} }: ServeOptions,
  { redis, lost }: Connection,
  free: Thread[],
  onDone: () => void,
): Promise<void> {
  const own: Presence = { role: 'worker', id: randomUUID(), code, version }
  requireSameCode(own, await present(redis))
  const { bullmq } = await queueLibraries()
  const options = {
    connection: redis,
    prefix: PREFIX,
    concurrency: free.length,
    lockDuration: times.lockMs ?? LOCK_MS,
    stalledInterval: times.lookMs ?? LOOK_MS,
    maxStalledCount: LOSSES,
    runRetryDelay: 1000,
  }
  tell(`${free.length} threads take executions from ${address.shown}`)
  const worker = new bullmq.Worker(
    queueName(code),
    async ({ data }) => {
      const execution = await onThread(free, taskOf(data, config), lost)
      onDone()
      return execution
    },
    options,
  )
  // Of a server that is away the connection itself tells; a job that is not there any more is no worker's business.
  worker.on('error', () => {})
  const told = new Set<string>()
  try {
    while (!signal.aborted) {
      const { foreign } = counterparts(own, await present(redis, own))
      await expireQueue(redis, worker)
      const unknown = foreign.filter(({ id }) => !told.has(id))
      if (unknown.length > 0) tell(strangers(own, unknown))
      for (const { id } of unknown) told.add(id)
      await wait(BEAT_MS, [signal])
    }
  } finally {
    await worker.close()
    await leave(redis, own)
    await clearQueue(redis, worker)
  }
}

/** There is always a free one: the queue gives no more jobs at a time than there are threads. */
async function onThread(free: Thread[], task: Task, lost: AbortSignal): Promise<Execution> {
  const thread = free.pop()
  if (thread === undefined) throw new Error('more jobs than threads')
  try {
    const execution = await thread.run(task, lost)
    if (execution === undefined) throw new Error('the queue is lost')
    return execution
  } finally {
    free.push(thread)
  }
}
