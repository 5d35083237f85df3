import { cellsOf } from './read.ts'
import type { Evidence, MatrixResults, NotRun, Outcome, StoredStory, Verdict } from '@vmbus/report'

export interface Counts {
  readonly cells: number
  readonly outcomes: ReadonlyMap<Outcome, number>
  readonly evidence: ReadonlyMap<Evidence, number>
  readonly verdicts: ReadonlyMap<Verdict, number>
  readonly notRun: ReadonlyMap<NotRun, number>
  /** Cells by the cause that explains their difference, most first. */
  readonly causes: ReadonlyMap<string, number>
  /** Cells that differ from the pages, and no cause explains why. */
  readonly unexplained: number
  /** Of the cells that were measured, and are neither errors nor without application: how many there are, and how many work. */
  readonly measured: number
  readonly working: number
}

/** What counts neither for nor against: nothing was measured, or the error is ours. */
export const LEFT_OUT: ReadonlySet<Outcome> = new Set<Outcome>(['not-run', 'error', 'not-applicable'])
const isMeasured = ({ outcome, evidence }: StoredStory): boolean => !LEFT_OUT.has(outcome) && evidence !== 'documented'
/** A `partial` that no field decided lacks nothing: its probe leaves a part of the row out. */
export const isWorking = ({ outcome, decidedBy }: Pick<StoredStory, 'outcome' | 'decidedBy'>): boolean =>
  outcome === 'works' || (outcome === 'partial' && decidedBy === undefined)

function tally<K>(pairs: Iterable<readonly [K | undefined, number]>): Map<K, number> {
  const counts = new Map<K, number>()
  for (const [key, count] of pairs) if (key !== undefined && count > 0) counts.set(key, (counts.get(key) ?? 0) + count)
  return new Map([...counts].toSorted(([, one], [, other]) => other - one))
}

/** Cells by what is said of them. */
export function countsOf(results: MatrixResults): Counts {
  const { stories } = results
  const times = stories.map(() => 0)
  let cells = 0
  for (const { index } of cellsOf(results)) {
    cells++
    times[index] = (times[index] ?? 0) + 1
  }
  const by = <K>(key: (story: StoredStory) => K | undefined): Map<K, number> =>
    tally(stories.map((story, index) => [key(story), times[index] ?? 0] as const))
  const sum = (of: (story: StoredStory) => boolean): number =>
    stories.reduce((total, story, index) => total + (of(story) ? (times[index] ?? 0) : 0), 0)
  return {
    cells,
    outcomes: by(({ outcome }) => outcome),
    evidence: by(({ evidence }) => evidence),
    verdicts: by(({ verdict }) => verdict),
    notRun: by(({ notRun }) => notRun),
    causes: by(({ cause }) => cause),
    unexplained: sum(({ verdict, cause }) => verdict === 'differs' && cause === undefined),
    measured: sum(isMeasured),
    working: sum((story) => isMeasured(story) && isWorking(story)),
  }
}
