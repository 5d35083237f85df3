import { QueueError } from './errors.ts'

// What talks to Redis is loaded for a queue alone: nobody else needs it.

/** What a person types to have it. */
export const INSTALL = 'npm install bullmq@6 ioredis@5'

const load = async () => {
  const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')])
  return { bullmq, Redis }
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
export const queueLibraries = async () => await optional(load)
