import { driverLine, proofsOf, type MatrixResults, type Proof, type Story } from '@vmbus/report'
import { storiesOf } from '../results/read.ts'

type Release = MatrixResults['releases'][number]
type Host = MatrixResults['hosts'][number]

export type CellProof = Proof<Release, Host, Story>

interface Place {
  readonly release: Release
  readonly host: Host
  readonly feature: MatrixResults['features'][number]
}

const NOBODY: Story = {
  outcome: 'not-run',
  evidence: 'documented',
  verdict: 'not-measured',
  reason: '',
  reads: [],
  published: [],
}

/**
 * The neighbours of a cell that come out otherwise: the same guest on hosts of `row`, and guests of `column` with drivers from the
 * same place on the same host.
 */
export function proofsIn(
  { release, host, feature }: Place,
  row: MatrixResults,
  column: MatrixResults,
): readonly CellProof[] {
  const [inRow, inColumn] = [row, column].map((results) => storyIn(results, feature.id))
  if (inRow === undefined || inColumn === undefined) return []
  const siblings = column.releases.filter(
    ({ key, family }) => family === release.family && driverLine(key) === driverLine(release.key),
  )
  // By their names: a cell of its own run and one of a file are not the same objects.
  const own = { release: release.key, host: host.id }
  const found = proofsOf({
    ...own,
    releases: siblings.map(({ key }) => key),
    hosts: row.hosts.map(({ id }) => id),
    storyAt: (key, id) => (key === own.release ? inRow : inColumn)(key, id),
    readsOf: ({ reads }: Story) => reads,
  })
  return found.flatMap((proof) => {
    const [onHost, ofRelease] = [
      row.hosts.find(({ id }) => id === proof.host),
      column.releases.find(({ key }) => key === proof.release),
    ]
    return onHost === undefined || ofRelease === undefined ? [] : [{ ...proof, host: onHost, release: ofRelease }]
  })
}

function storyIn(results: MatrixResults, feature: string): (release: string, host: string) => Story {
  const stories = storiesOf(results)
  const at = results.features.findIndex(({ id }) => id === feature)
  return (release, host) => {
    const row = results.cells[results.releases.findIndex(({ key }) => key === release)]
    const column = results.hosts.findIndex(({ id }) => id === host)
    return stories[row?.[column * results.features.length + at] ?? -1] ?? NOBODY
  }
}
