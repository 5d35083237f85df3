import { assemble, type Selection } from '../cells/assemble.ts'
import { hostNamed } from '../registry/registry.ts'
import { closingLines, countsText } from '../report/summary.ts'
import type { Execution, MatrixResults } from '@vmbus/report'
import { missingOf, type Missing } from '../run/shards.ts'
import { withSharingFaults } from '../run/sharing.ts'
import type { Runner } from '../runner.ts'
import { UsageError } from './failure.ts'
import { judge, type MatrixContext } from './matrix.ts'
import { failsOn } from './matrix-flags.ts'
import { planFor } from './measure.ts'
import { openFiles, readResults, type ResultFiles } from './result-files.ts'

/** One run out of the results of its shards. Throws, after all was written, UsageError where they are not the whole of it. */
export async function runMerge(
  names: readonly string[],
  flags: ResultFiles,
  { streams, runner, pageOf }: MatrixContext,
): Promise<void> {
  const parts: { readonly name: string; readonly results: MatrixResults }[] = []
  for (const name of names) parts.push({ name, results: await readResults(name) })
  const [first] = parts
  if (first === undefined) throw new UsageError('no results to merge')
  for (const { name, results } of parts) requireSameRun(first, { name, results })
  const selection = selectionOf(first.results, runner)
  const { seed, runs, kernels } = first.results
  const plan = planFor(runner, selection, seed, runs, kernels)
  const executions = withSharingFaults(plan, united(parts))
  const missing = missingOf(plan, executions, shardsIn(parts))
  const files = await openFiles(flags, pageOf)
  try {
    const planned = plan.tasks.filter(({ id }) => executions.has(id)).length
    const results = assemble(selection, runner, plan, executions)
    await files.write(results, failsOn([], new Set()))
    streams.out(`${countsText(results)}\n${planned} of ${plan.tasks.length} executions are there.\n`)
    streams.out(closingLines(results, flags.html))
    judge(results)
    if (missing.length > 0) throw new UsageError(`not the whole run: ${missingText(missing)}`)
  } catch (error) {
    await files.drop()
    throw error
  }
}

interface Part {
  readonly name: string
  readonly results: MatrixResults
}

function requireSameRun(first: Part, other: Part): void {
  const shape = ({
    seed,
    runs,
    kernels,
    features,
    hosts,
    releases,
  }: MatrixResults): Readonly<Record<string, unknown>> => ({
    seed,
    runs,
    kernels,
    features: features.map(({ id }) => id),
    hosts: hosts.map(({ id }) => id),
    releases: releases.map(({ key }) => key),
  })
  const [one, two] = [shape(first.results), shape(other.results)]
  const differs = Object.keys(one).find((name) => JSON.stringify(one[name]) !== JSON.stringify(two[name]))
  if (differs !== undefined)
    throw new UsageError(`${first.name} and ${other.name} are not of one run: their ${differs} differ`)
}

/** Into how many shards the run was cut, as far as all that say so agree. */
function shardsIn(parts: readonly Part[]): number | undefined {
  const counts = new Set(parts.flatMap(({ results: { shard } }) => (shard === undefined ? [] : [shard.count])))
  const [count] = counts
  return counts.size === 1 ? count : undefined
}

const missingText = (missing: readonly Missing[]): string =>
  missing
    .map(({ shard, missing: count, of }) => {
      if (shard === undefined) return `${count} of ${of} executions are in none of the files`
      const name = `shard ${shard.index}/${shard.count}`
      return count === of ? `${name} is missing` : `${name} lacks ${count} of its ${of} executions`
    })
    .join('; ')

function selectionOf({ releases, hosts, features }: MatrixResults, { registry }: Runner): Selection {
  return {
    releases: releases.map(({ key }) => registry.release(key) ?? unknown(key)),
    hosts: hosts.map(({ id }) => hostNamed(registry, id) ?? unknown(id)),
    features: features.map(({ id }) => registry.features.find((each) => each.id === id) ?? unknown(id)),
  }
}

function unknown(name: string): never {
  throw new UsageError(`the results are of another version of vmbus: nothing is known of ${name}`)
}

/** The same execution in two files must say the same: it is the same measurement. */
function united(parts: readonly Part[]): ReadonlyMap<string, Execution> {
  const all = new Map<string, { readonly name: string; readonly execution: Execution }>()
  for (const { name, results } of parts)
    for (const execution of results.executions) {
      const known = all.get(execution.id)
      if (known !== undefined && JSON.stringify(known.execution) !== JSON.stringify(execution))
        throw new UsageError(`${known.name} and ${name} disagree on execution ${execution.id}`)
      all.set(execution.id, { name, execution })
    }
  return new Map([...all].map(([id, { execution }]) => [id, execution]))
}
