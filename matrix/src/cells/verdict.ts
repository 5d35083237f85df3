import type { Release, Support } from '@vmbus/catalog'
import type { Evidence, Outcome, Published, Verdict } from '@vmbus/report'

/** A value that a page has for a release and a host. */
export type Mark = 'yes' | 'no' | 'n/a' | 'partial'

/** Every value of every page for a cell, as a story keeps it, newest first. */
export const publishedOf = (support: Support | undefined): readonly Published[] =>
  (support?.pages ?? []).map(({ value, date, page, column, notes }) => ({
    value,
    date,
    page,
    column,
    notes: notes.map(({ text }) => text),
  }))

/** `6.x only` */
const SCOPE = /^(\d+)\.x only$/

/**
 * What the pages that know the host say, newest first. A mark that is limited to part of its column (`6.x only`) is a yes to
 * the releases of that part and a no to the others.
 */
export function marksOf(support: Support | undefined, { release }: Pick<Release, 'release'>): readonly Mark[] {
  return (support?.pages ?? []).flatMap(({ value, scope }): Mark[] => {
    if (value === 'not-listed') return []
    const limit = typeof scope === 'object' ? scope['value'] : scope
    const [, major] = SCOPE.exec(limit ?? '') ?? []
    if (value !== 'partial' || major === undefined) return [value]
    return [release?.split('.')[0] === major ? 'yes' : 'no']
  })
}

export interface Measured {
  readonly outcome: Outcome
  readonly evidence: Evidence
  readonly isCoverage: boolean
}

/** Outcomes that are a no: the feature is not there. A guest that hangs or is damaged is a defect of its own, and none of them. */
export const LACKING: readonly Outcome[] = ['fails', 'not-offered', 'no-driver', 'not-applicable']

/** What was measured beside what is published; the first rule that fits decides. */
export function verdictOf({ outcome, evidence, isCoverage }: Measured, marks: readonly Mark[]): Verdict {
  if (evidence === 'simulated-grid') return 'not-independent'
  const [published] = marks
  if (published === undefined) return 'not-covered'
  if (marks.some((mark) => mark !== published)) return 'grid-conflict'
  if (outcome === 'not-run' || outcome === 'error') return 'not-measured'
  if (isCoverage && (published === 'yes' || published === 'partial')) return 'not-measured'
  return matches(outcome, published) ? 'agrees' : 'differs'
}

function matches(outcome: Outcome, published: Mark): boolean {
  switch (published) {
    case 'yes':
      return outcome === 'works'
    case 'no':
      return LACKING.includes(outcome)
    case 'n/a':
      return outcome === 'not-applicable'
    case 'partial':
      return outcome === 'partial'
  }
}
