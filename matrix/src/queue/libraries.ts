import type { Queue, QueueEvents, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { QueueError } from './errors.ts'

// What talks to Redis is loaded for a queue alone: nobody else needs it.

/** What a person types to have it. */
export const INSTALL = 'npm install bullmq@6 ioredis@5'

interface Libraries {
  readonly bullmq: {
    readonly Queue: typeof Queue
    readonly QueueEvents: typeof QueueEvents
    readonly Worker: typeof Worker
  }
  readonly Redis: typeof Redis
}

async function load(): Promise<Libraries> {
  const [bullmq, ioredis] = await Promise.all([import('bullmq'), import('ioredis')])
  return { bullmq, Redis: ioredis.Redis }
}

/** What `loading` gives. Throws QueueError (VMBUS_QUEUE_MISSING) where a package of it is not installed. */
export async function optional<T>(loading: () => Promise<T>): Promise<T> {
  try {
    return await loading()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error
    throw new QueueError('VMBUS_QUEUE_MISSING', `a queue needs optional dependencies: ${INSTALL}`, error)
  }
}

/** The queue and the client beneath it. Throws QueueError (VMBUS_QUEUE_MISSING). */
export const queueLibraries = async (): Promise<Libraries> => await optional(load)
