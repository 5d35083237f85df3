import type { RedisAddress } from '../queue/address.ts'
import { countOf, queueOf, seedOf, workersOf } from './arguments.ts'
import { UsageError } from './failure.ts'
import type { Shard, StoredStory } from '@vmbus/report'

/** Options of `vmbus matrix` as they were typed. */
export interface MatrixFlags {
  readonly release?: string[]
  readonly host?: string[]
  readonly feature?: string[]
  readonly runs?: string
  readonly seed: string
  readonly workers?: string
  readonly queue?: string
  readonly shard?: string
  readonly json?: string
  readonly junit?: string
  readonly html?: string
  readonly failOn: string
  readonly since?: string
  readonly real?: true
  readonly quiet?: true
}

/** What makes a run fail, beside errors of ours, which always do. */
const FAILURES = ['differs', 'unexplained', 'our-bug', 'worse'] as const
export type FailOn = (typeof FAILURES)[number]

export interface MatrixSettings {
  readonly seed: number
  readonly runs?: number
  readonly workers?: number
  readonly queue?: RedisAddress
  readonly shard?: Shard
  readonly failOn: readonly FailOn[]
}

export function settingsOf({ seed, runs, workers, queue, shard, failOn, since }: MatrixFlags): MatrixSettings {
  const kinds = failOn === '' ? [] : failOn.split(',').map(failureOf)
  if (kinds.includes('worse') && since === undefined) throw new UsageError('--fail-on worse needs --since')
  if (queue !== undefined && workers !== undefined)
    throw new UsageError('give one of --workers and --queue: the threads of a queue are those of vmbus worker')
  return {
    seed: seedOf(seed),
    ...(runs !== undefined && { runs: runsOf(runs) }),
    ...(workers !== undefined && { workers: workersOf(workers, 0) }),
    ...(queue !== undefined && { queue: queueOf(queue) }),
    ...(shard !== undefined && { shard: shardOf(shard) }),
    failOn: kinds,
  }
}

export const runsOf = (text: string): number => countOf('number of runs', text, 1, 100_000)

function failureOf(text: string): FailOn {
  const found = FAILURES.find((kind) => kind === text.trim())
  if (found === undefined) throw new UsageError(`unknown kind of failure: ${text} (${FAILURES.join(', ')})`)
  return found
}

function shardOf(text: string): Shard {
  const [, index, count] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []
  const shard = { index: Number(index), count: Number(count) }
  if (count === undefined || shard.index < 1 || shard.index > shard.count)
    throw new UsageError(`not a shard: ${text} (such as 2/4, the second of four)`)
  return shard
}

/** Whether a cell is one of those that the run is to fail on. */
export const failsOn =
  (kinds: readonly FailOn[], ourBugs: ReadonlySet<string>) =>
  ({ outcome, verdict, cause }: StoredStory): boolean => {
    if (outcome === 'error') return true
    if (verdict !== 'differs') return false
    return (
      kinds.includes('differs') ||
      (kinds.includes('unexplained') && cause === undefined) ||
      (kinds.includes('our-bug') && cause !== undefined && ourBugs.has(cause))
    )
  }
