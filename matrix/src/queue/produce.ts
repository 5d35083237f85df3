import { randomUUID } from 'node:crypto'
import type { Job, Queue } from 'bullmq'
import type { Execution } from '@vmbus/report'
import type { Task } from '../run/plan.ts'
import type { Dispatch } from '../run/run.ts'
import type { RedisAddress } from './address.ts'
import { collection, type Collection } from './collection.ts'
import { connect, unlessLost, type Connection, type ConnectionTimes } from './connection.ts'
import { QueueError } from './errors.ts'
import { PREFIX, dataOf, queueName } from './jobs.ts'
import { keepJobs } from './keep.ts'
import { queueLibraries } from './libraries.ts'
import { BEAT_MS, counterparts, leave, present, requireSameCode, strangers, type Presence } from './presence.ts'
import { settled, wait } from './wait.ts'

/** What a run or a worker is at a queue. */
export interface QueueSide {
  readonly address: RedisAddress
  /** Digest of the code, and what people call it. */
  readonly code: string
  readonly version: string
  /** Told what a person should know, a line at a time. */
  tell(line: string): void
}

export interface RunTimes extends ConnectionTimes {
  /** Milliseconds between two looks at what events did not tell; default 4000. */
  readonly pollMs?: number
  /** Milliseconds without any worker after which a run ends; default 300,000. */
  readonly idleMs?: number
}

/** Has the tasks of a run made by the workers of a queue. */
export const queueDispatch =
  (side: QueueSide, times: RunTimes = {}): Dispatch =>
  async (tasks, { signal, finished }) => {
    if (tasks.length === 0) return
    const own: Presence = { role: 'run', id: randomUUID(), code: side.code, version: side.version }
    const connection = await connect(side.address, times)
    signal?.addEventListener('abort', connection.stopWaiting)
    try {
      await unlessLost(connection, produce(tasks, { side, times, own, connection, signal, finished }))
    } catch (error) {
      if (signal?.aborted !== true) throw error
    } finally {
      signal?.removeEventListener('abort', connection.stopWaiting)
      connection.close()
    }
  }

interface Production {
  readonly side: QueueSide
  readonly times: RunTimes
  readonly own: Presence
  readonly connection: Connection
  readonly signal: AbortSignal | undefined
  finished(execution: Execution): void
}

async function produce(tasks: readonly Task[], production: Production): Promise<void> {
  const { side, times, own, connection, signal } = production
  requireSameCode(own, await present(connection.redis))
  const { bullmq } = await queueLibraries()
  const name = queueName(side.code)
  const options = { connection: connection.redis, prefix: PREFIX }
  const queue: Queue = new bullmq.Queue(name, options)
  const events = new bullmq.QueueEvents(name, options)
  // Of a server that is away the connection itself tells.
  queue.on('error', () => {})
  events.on('error', () => {})
  const collected = collection(tasks, production.finished)
  events.on('completed', ({ jobId, returnvalue }) => collected.completed(jobId, returnvalue))
  events.on('failed', ({ jobId, failedReason }) => collected.failed(jobId, failedReason))
  const ours = new Set(tasks.map(({ id }) => id))
  const watch = workerWatch(side, own, times)
  try {
    await events.waitUntilReady()
    await dropFailed(queue, collected)
    while (collected.left.size > 0 && signal?.aborted !== true) {
      watch(await present(connection.redis, own))
      await takeEnded(queue, collected, ours)
      await addMissing(queue, connection, collected)
      await wait(times.pollMs ?? BEAT_MS, [signal], collected.wakes)
      collected.check()
    }
  } finally {
    await withdraw(queue, production, tasks).catch(() => {})
    await settled(events.close(), queue.close())
  }
}

/** What failed in an earlier run is tried again. */
async function dropFailed(queue: Queue, { left }: Collection): Promise<void> {
  for (const { id } of await queue.getFailed()) if (id !== undefined && left.has(id)) await queue.remove(id)
}

/** Takes what has ended, whether an event told it or not. */
async function takeEnded(queue: Queue, collected: Collection, ours: ReadonlySet<string>): Promise<void> {
  const jobs: Job[] = await queue.getJobs(['completed', 'failed'])
  for (const { id = '', finishedOn, failedReason, returnvalue } of jobs) {
    if (!ours.has(id) || finishedOn === undefined) continue
    if (failedReason) collected.failed(id, failedReason)
    else collected.completed(id, returnvalue)
    await queue.remove(id)
  }
}

/** Adds what is not there: at first all of it, and later what a server has forgotten. */
async function addMissing(queue: Queue, { redis }: Connection, { left }: Collection): Promise<void> {
  const missing = await keepJobs(redis, queue, [...left.keys()])
  const tasks = missing.flatMap((id) => left.get(id) ?? [])
  if (tasks.length === 0) return
  await queue.addBulk(tasks.map((task) => ({ name: task.probe, data: dataOf(task), opts: { jobId: task.id } })))
  await keepJobs(redis, queue, missing)
}

/** Leaves nothing behind: another run that waits for the same adds it again. */
async function withdraw(queue: Queue, { own, connection }: Production, tasks: readonly Task[]): Promise<void> {
  await leave(connection.redis, own)
  const others = (await present(connection.redis)).filter(({ role, code }) => role === 'run' && code === own.code)
  if (others.length === 0) await queue.obliterate({ force: true })
  else await Promise.all(tasks.map(({ id }) => queue.remove(id)))
}

/** Tells of missing and of foreign workers, each once, and throws where none has been there for too long. */
function workerWatch({ address, tell }: QueueSide, own: Presence, { idleMs = 300_000 }: RunTimes) {
  let seen = performance.now()
  let toldMissing = false
  let toldForeign = false
  return (all: readonly Presence[]): void => {
    const { same, foreign } = counterparts(own, all)
    if (foreign.length > 0 && !toldForeign) tell(strangers(own, foreign))
    toldForeign ||= foreign.length > 0
    if (same.length > 0) {
      seen = performance.now()
      toldMissing = false
      return
    }
    if (!toldMissing) tell(`no worker is there yet: vmbus worker --queue ${address.shown}`)
    toldMissing = true
    if (performance.now() - seen < idleMs) return
    const reason = foreign.length > 0 ? strangers(own, foreign) : `no worker at ${address.shown}`
    throw new QueueError('VMBUS_QUEUE_IDLE', `${reason}; what was finished is kept, and another run goes on from there`)
  }
}
