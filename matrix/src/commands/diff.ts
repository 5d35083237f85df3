import { changesText } from '../report/changes.ts'
import { diffOf, isWorse } from '../results/diff.ts'
import type { Streams } from '../streams.ts'
import { FindingsError } from './failure.ts'
import { readResults } from './result-files.ts'

/** Compares two runs by cell. Throws FindingsError when a cell got worse. */
export async function runDiff(older: string, newer: string, streams: Streams): Promise<void> {
  const changes = diffOf(await readResults(older), await readResults(newer))
  streams.out(changesText(changes))
  const worse = changes.filter(isWorse).length
  if (worse > 0) throw new FindingsError(`${worse} cells got worse`)
}
