import type { StoredStory } from '../../src/results/results.ts'
import type { Outcome } from '../../src/results/vocabulary.ts'
import type { Feature, Host, Model, Release } from './model.ts'

/** What nobody measured, and our own errors, is in no count. */
const UNCOUNTED: readonly Outcome[] = ['not-run', 'error', 'not-applicable']

const counts = ({ outcome, evidence }: StoredStory) => evidence !== 'documented' && !UNCOUNTED.includes(outcome)

export interface Tally {
  readonly works: number
  readonly measured: number
  /** What was measured and does not work, by outcome, in the order of the page. */
  readonly not: ReadonlyMap<Outcome, readonly Feature[]>
  readonly differs: readonly Feature[]
}

/** A release on a host, feature by feature. */
export function tallyOf(model: Model, release: Release, host: Host): Tally {
  const told = model.features.map((feature) => ({ feature, story: model.storyAt({ release, host, feature }) }))
  const measured = told.filter(({ story }) => counts(story))
  const failing = measured.filter(({ story: { outcome } }) => outcome !== 'works' && outcome !== 'partial')
  const not = new Map<Outcome, Feature[]>()
  for (const { feature, story } of failing) not.set(story.outcome, [...(not.get(story.outcome) ?? []), feature])
  return {
    works: measured.length - failing.length,
    measured: measured.length,
    not,
    differs: told.filter(({ story }) => story.verdict === 'differs').map(({ feature }) => feature),
  }
}

/** Clauses of the answer, the worst first. */
export const CLAUSES: readonly (readonly [outcome: Outcome, opening: string])[] = [
  ['guest-hung', 'The guest hangs in'],
  ['guest-corrupt', 'Data come out wrong in'],
  ['fails', 'Both have it and it fails:'],
  ['no-driver', 'The guest lacks'],
  ['not-offered', 'The host lacks'],
]

/** At most ten names; of more than ten the first eight, and how many more there are. */
export function shortened<T>(names: readonly T[]): { readonly shown: readonly T[]; readonly more: number } {
  const shown = names.length > 10 ? names.slice(0, 8) : names
  return { shown, more: names.length - shown.length }
}

/** All releases in support on one host. */
export function supportedOn(model: Model, host: Host) {
  const tallies = model.releases
    .filter(({ supported }) => supported)
    .map((release) => ({ release, tally: tallyOf(model, release, host) }))
    .filter(({ tally }) => tally.measured > 0)
    .map(({ release, tally }) => ({ release, works: tally.works, lacks: tally.measured - tally.works }))
  const sum = (of: 'works' | 'lacks') => tallies.reduce((total, one) => total + one[of], 0)
  return {
    releases: tallies.length,
    percent: tallies.length === 0 ? 0 : Math.round((100 * sum('works')) / (sum('works') + sum('lacks'))),
    whole: tallies.filter(({ lacks }) => lacks === 0).length,
    /** Those that lack most. */
    least: tallies
      .filter(({ lacks }) => lacks > 0)
      .sort((a, b) => b.lacks - a.lacks)
      .slice(0, 3),
  }
}
