import type { Execution, Shard } from '@vmbus/report'
import type { Plan } from './plan.ts'

/** Every machine deals the executions of a run out in the order of their ids. */
const shardsOf = ({ tasks }: Plan, count: number): ReadonlyMap<string, number> =>
  new Map(
    tasks
      .map(({ id }) => id)
      .toSorted()
      .map((id, at) => [id, (at % count) + 1]),
  )

/** The part of a plan that a shard runs. */
export function dealt(plan: Plan, shard: Shard): Plan {
  const shards = shardsOf(plan, shard.count)
  const tasks = plan.tasks.filter(({ id }) => shards.get(id) === shard.index)
  // What is compared may be in two shards: the merge does so.
  return { ...plan, tasks, checks: [], shard }
}

/** Executions of a plan that are not there, and how many there should be. */
export interface Missing {
  /** Undefined where nothing says into how many shards the run was cut. */
  readonly shard: Shard | undefined
  readonly missing: number
  readonly of: number
}

/** What is missing of a plan, shard by shard where it is known into how many it was cut. */
export function missingOf(
  plan: Plan,
  executions: ReadonlyMap<string, Execution>,
  count: number | undefined,
): readonly Missing[] {
  const shards = shardsOf(plan, count ?? 1)
  const found = new Map<number, { missing: number; of: number }>()
  for (const [id, index] of shards) {
    const one = found.get(index) ?? { missing: 0, of: 0 }
    found.set(index, { missing: one.missing + (executions.has(id) ? 0 : 1), of: one.of + 1 })
  }
  return [...found]
    .filter(([, { missing }]) => missing > 0)
    .toSorted(([one], [other]) => one - other)
    .map(([index, counts]) => ({ shard: count === undefined ? undefined : { index, count }, ...counts }))
}
