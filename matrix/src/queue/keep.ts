import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'

/** Seconds after which Redis itself forgets jobs that no run asks for any more. */
const KEEP_S = 3600

/** What a queue has beside its jobs, as BullMQ names it. */
const OWN_KEYS = ['wait', 'active', 'completed', 'failed', 'stalled', 'marker', 'events', 'meta', 'id', 'pc'] as const

const EXPIRE = `
for _, key in ipairs(KEYS) do
  if redis.call('TTL', key) == -1 then redis.call('EXPIRE', key, ARGV[1]) end
end`

/** Lets what a queue has beside its jobs be forgotten, where nobody has said when yet. */
export async function expireQueue(redis: Redis, queue: Pick<Queue, 'toKey'>): Promise<void> {
  await redis.eval(EXPIRE, OWN_KEYS.length, ...OWN_KEYS.map((name) => queue.toKey(name)), KEEP_S)
}

const CLEAR = `
if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3], KEYS[4]) == 0 then redis.call('DEL', unpack(KEYS)) end`

/** Removes what a queue without jobs has left: its first four keys are the lists of them. */
export async function clearQueue(redis: Redis, queue: Pick<Queue, 'toKey'>): Promise<void> {
  const keys = [...OWN_KEYS, 'stalled-check'].map((name) => queue.toKey(name))
  await redis.eval(CLEAR, keys.length, ...keys)
}

/** Keeps a queue and these of its jobs for longer, and tells which jobs are not there. */
export async function keepJobs(redis: Redis, queue: Pick<Queue, 'toKey'>, ids: readonly string[]): Promise<string[]> {
  const pipeline = redis.pipeline()
  // The jobs outlive the lists that name them.
  for (const id of ids) pipeline.expire(queue.toKey(id), KEEP_S + 60)
  for (const name of OWN_KEYS) pipeline.expire(queue.toKey(name), KEEP_S)
  const answers = (await pipeline.exec()) ?? []
  return ids.filter((_, index) => answers[index]?.[1] === 0)
}
