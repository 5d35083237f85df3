import type { Redis } from 'ioredis'
import * as v from 'valibot'
import { QueueError } from './errors.ts'
import { PREFIX } from './jobs.ts'

/** A run that waits for executions, or a worker that makes them. */
export interface Presence {
  readonly role: 'run' | 'worker'
  /** Of the process. */
  readonly id: string
  /** Digest of its code. */
  readonly code: string
  /** Of the package, and of Node. */
  readonly version: string
}

const PRESENCE_SCHEMA = v.strictObject({
  role: v.picklist(['run', 'worker']),
  id: v.string(),
  code: v.string(),
  version: v.string(),
})

/** One sorted set of who is there, each with the time of the server until which it counts: what dies is gone by itself. */
const KEY = `${PREFIX}:present`

/** Milliseconds for which a sign of life counts. */
const COUNTS_MS = 15_000

/** Milliseconds between two signs of life. */
export const BEAT_MS = 4000

const BEAT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[1] ~= '' then
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return redis.call('ZRANGE', KEYS[1], 0, -1)`

/** Who is there; `own` is there from now on, for a while. */
export async function present(redis: Redis, own?: Presence): Promise<readonly Presence[]> {
  const mine = own === undefined ? '' : JSON.stringify(own)
  const members = await redis.eval(BEAT, 1, KEY, mine, COUNTS_MS)
  return Array.isArray(members) ? members.flatMap(presencesOf) : []
}

/** It is gone. */
export const leave = async (redis: Redis, own: Presence): Promise<void> =>
  void (await redis.zrem(KEY, JSON.stringify(own)))

/** Whoever writes otherwise there is of no version that could share work. */
function presencesOf(member: unknown): Presence[] {
  try {
    const parsed = v.safeParse(PRESENCE_SCHEMA, JSON.parse(String(member)))
    return parsed.success ? [parsed.output] : []
  } catch {
    return []
  }
}

const OTHER = { run: 'worker', worker: 'run' } as const
const PLURAL = { run: 'runs', worker: 'workers' } as const

/** Those of the other role: of the same code, and of other code. */
export function counterparts(
  own: Presence,
  all: readonly Presence[],
): { readonly same: readonly Presence[]; readonly foreign: readonly Presence[] } {
  const others = all.filter(({ role }) => role === OTHER[own.role])
  return {
    same: others.filter(({ code }) => code === own.code),
    foreign: others.filter(({ code }) => code !== own.code),
  }
}

/** What to say of those whose results must not be mixed with ours. */
export function strangers(own: Presence, foreign: readonly Presence[]): string {
  const theirs = [...new Set(foreign.map(({ version, code }) => `${version}, code ${code.slice(0, 8)}`))].join('; ')
  return (
    `the ${PLURAL[OTHER[own.role]]} at this queue are of other code (${theirs}; here ${own.version}, code ` +
    `${own.code.slice(0, 8)}): use the same vmbus and the same Node on all machines`
  )
}

/** Throws QueueError (VMBUS_QUEUE_VERSION) where there is nobody to work with but those of other code. */
export function requireSameCode(own: Presence, all: readonly Presence[]): void {
  const { same, foreign } = counterparts(own, all)
  if (same.length === 0 && foreign.length > 0) throw new QueueError('VMBUS_QUEUE_VERSION', strangers(own, foreign))
}
