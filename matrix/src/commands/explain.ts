import { cellsOf, storiesOf } from '../results/read.ts'
import { paragraph } from '../report/paragraph.ts'
import { wrapped } from '../report/summary.ts'
import { seedOf } from './arguments.ts'
import { UsageError } from './failure.ts'
import type { MatrixContext } from './matrix.ts'
import { measure } from './measure.ts'
import { featureOf, hostOf, releaseOf } from './names.ts'
import { readResults } from './result-files.ts'

export interface ExplainFlags {
  readonly seed: string
  readonly from?: string
}

/** One cell in one paragraph: measured now, or taken from the results of a run. */
export async function runExplain(
  names: { readonly release: string; readonly host: string; readonly feature: string },
  { seed, from }: ExplainFlags,
  { streams, signal, runner }: MatrixContext,
): Promise<void> {
  const { registry } = runner
  const release = releaseOf(registry, names.release)
  const [host, feature] = [hostOf(registry, names.host), featureOf(registry, names.feature)]
  const selection = { releases: [release], hosts: [host], features: [feature] }
  const results =
    from === undefined ? await measure(runner, selection, { seed: seedOf(seed), signal }) : await readResults(from)
  const cell = [...cellsOf(results)].find(
    (each) => each.release.key === release.key && each.host.id === host.id && each.feature.id === feature.id,
  )
  const story = cell && storiesOf(results)[cell.index]
  if (cell === undefined || story === undefined)
    throw new UsageError(`${from} has no cell for ${release.key}, ${host.id}, ${feature.id}`)
  streams.out(`${wrapped('', paragraph(cell, story, results.causes))}\n`)
}
