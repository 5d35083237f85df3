import { driverLine, type MatrixResults } from '@vmbus/report'
import { proofsIn } from '../cells/proofs.ts'
import { paragraph } from '../report/paragraph.ts'
import { wrapped } from '../report/summary.ts'
import { cellsOf, storiesOf } from '../results/read.ts'
import type { MatrixFeature, MatrixRelease } from '../registry/registry.ts'
import type { HostProfile } from '@vmbus/host'
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

interface Asked {
  readonly release: MatrixRelease
  readonly host: HostProfile
  readonly feature: MatrixFeature
}

/** One cell in one paragraph, with the neighbours that come out otherwise: measured now, or taken from the results of a run. */
export async function runExplain(
  names: { readonly release: string; readonly host: string; readonly feature: string },
  { seed, from }: ExplainFlags,
  context: MatrixContext,
): Promise<void> {
  const { registry } = context.runner
  const release = releaseOf(registry, names.release)
  const [host, feature] = [hostOf(registry, names.host), featureOf(registry, names.feature)]
  const { row, column } =
    from === undefined
      ? await surroundings({ release, host, feature }, seedOf(seed), context)
      : await readResults(from).then((results) => ({ row: results, column: results }))
  const cell = [...cellsOf(row)].find(
    (each) => each.release.key === release.key && each.host.id === host.id && each.feature.id === feature.id,
  )
  const story = cell && storiesOf(row)[cell.index]
  if (cell === undefined || story === undefined)
    throw new UsageError(`${from} has no cell for ${release.key}, ${host.id}, ${feature.id}`)
  context.streams.out(`${wrapped('', paragraph(cell, story, row.causes, proofsIn(cell, row, column)))}\n`)
}

/** The guest on every host, and every guest of its line of drivers on the host: most of these share an execution. */
async function surroundings(
  { release, host, feature }: Asked,
  seed: number,
  { runner, signal }: MatrixContext,
): Promise<{ readonly row: MatrixResults; readonly column: MatrixResults }> {
  const { registry } = runner
  const siblings = registry.releases.filter(
    ({ key, distribution }) => distribution === release.distribution && driverLine(key) === driverLine(release.key),
  )
  const features = [feature]
  return {
    row: await measure(runner, { releases: [release], hosts: registry.hosts, features }, { seed, signal }),
    column: await measure(runner, { releases: siblings, hosts: [host], features }, { seed, signal }),
  }
}
