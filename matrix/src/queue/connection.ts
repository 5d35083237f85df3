import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { RedisAddress } from './address.ts'
import { QueueError } from './errors.ts'
import { queueLibraries } from './libraries.ts'

/** A Redis that answers, and that is found again when it was away for a while. */
export interface Connection {
  readonly redis: Redis
  /** Aborted, with a QueueError, when it was away for too long, or nobody wants to wait for it. */
  readonly lost: AbortSignal
  /** Gives it up where it is away: whoever wants to end does not wait for it. */
  stopWaiting(): void
  close(): void
}

export interface ConnectionTimes {
  /** Milliseconds until a server has to have answered; default 10,000. */
  readonly firstMs?: number
  /** Milliseconds that it may be away; default 60,000. */
  readonly awayMs?: number
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Throws QueueError (VMBUS_QUEUE_MISSING, VMBUS_QUEUE_REDIS): for a server that is not there, is none, or lets nobody in. */
export async function connect(address: RedisAddress, times: ConnectionTimes = {}): Promise<Connection> {
  const { firstMs = 10_000, awayMs = 60_000 } = times
  const { Redis } = await queueLibraries()
  const { host, port, db, isTls, username, password, shown } = address
  let isKnown = false
  let isClosed = false
  const redis = new Redis({
    host,
    port,
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(isTls && { tls: {} }),
    lazyConnect: true,
    connectTimeout: firstMs,
    // What waits for jobs waits for as long as the server is away.
    maxRetriesPerRequest: null,
    // The clients that a queue makes of this one ask here as well.
    retryStrategy: (attempt) => (isKnown && !isClosed ? Math.min(attempt * 200, 2000) : null),
  })
  const failed = (why: unknown, what = 'cannot use'): QueueError =>
    new QueueError('VMBUS_QUEUE_REDIS', `${what} ${shown}: ${reasonOf(why)}`, why)
  let last: unknown = new Error('no answer')
  redis.on('error', (error) => (last = error))
  try {
    const silent = sleep(firstMs, undefined, { ref: false }).then(() => Promise.reject(last))
    // Told to go to a database that is not there, a client would stay in the first without a word.
    await Promise.race([redis.connect().then(() => redis.select(db)), silent])
  } catch (error) {
    redis.disconnect()
    // Of a connection that was closed, what was said before tells why.
    throw failed(last instanceof Error && last.message !== 'no answer' ? last : error)
  }
  isKnown = true
  const lost = new AbortController()
  let timer: NodeJS.Timeout | undefined
  redis.on('close', () => {
    if (isClosed) return
    timer ??= setTimeout(giveUp, awayMs)
  })
  redis.on('ready', () => {
    clearTimeout(timer)
    timer = undefined
  })
  function close(): void {
    isClosed = true
    redis.disconnect()
    clearTimeout(timer)
  }
  function giveUp(): void {
    close()
    lost.abort(failed(last, 'lost'))
  }
  return { redis, lost: lost.signal, stopWaiting: () => void (redis.status === 'ready' || giveUp()), close }
}

/** What work gives; throws when the server is lost, since a client that is closed while it is away leaves commands without an end. */
export async function unlessLost<T>({ lost }: Connection, work: Promise<T>): Promise<T> {
  const done = new AbortController()
  const gone = new Promise<never>((_, reject) => {
    const fail = (): void => reject(lost.reason as QueueError)
    if (lost.aborted) fail()
    lost.addEventListener('abort', fail, { signal: done.signal })
  })
  try {
    return await Promise.race([work, gone])
  } finally {
    done.abort()
  }
}
