import type { StoredStory } from '../../src/results/results.ts'
import { placesOf } from './differences.ts'
import type { Host, Model } from './model.ts'

/** How a cell is known, the surest first; `bracketed` is the part of `inferred` of which nothing but brackets is in doubt. */
export const GRADES = ['real', 'sourced', 'bracketed', 'inferred', 'grid', 'documented', 'not-run'] as const
export type Grade = (typeof GRADES)[number]

export const GRADE_WORDS: Readonly<Record<Grade, string>> = {
  real: 'real',
  sourced: 'sourced',
  bracketed: 'bracketed',
  inferred: 'inferred',
  grid: 'grid',
  documented: 'documented',
  'not-run': 'not run',
}

export interface Share {
  readonly cells: number
  readonly differs: number
  readonly grades: Readonly<Record<Grade, number>>
}

export interface Sureness {
  readonly all: Share
  readonly families: ReadonlyMap<string, Share>
  readonly hosts: ReadonlyMap<Host, Share>
  /** Reasons for cells that were not run, most frequent first. */
  readonly reasons: readonly (readonly [reason: string, cells: number])[]
}

interface Counter {
  cells: number
  differs: number
  grades: Record<Grade, number>
}

const counter = (): Counter => ({
  cells: 0,
  differs: 0,
  grades: { real: 0, sourced: 0, bracketed: 0, inferred: 0, grid: 0, documented: 0, 'not-run': 0 },
})

export function surenessOf(model: Model): Sureness {
  const grades = model.stories.map((story) => gradeOf(model, story))
  const all = counter()
  const families = new Map(model.families.map((family) => [family, counter()]))
  const hosts = new Map(model.hosts.map((host) => [host, counter()]))
  const reasons = new Map<string, number>()
  for (const place of placesOf(model)) {
    const at = model.at(place)
    const [story, grade] = [model.stories[at], grades[at]]
    if (story === undefined || grade === undefined) continue
    for (const one of [all, families.get(place.release.family), hosts.get(place.host)]) {
      if (one === undefined) continue
      one.cells++
      one.grades[grade]++
      if (story.verdict === 'differs') one.differs++
    }
    if (story.outcome === 'not-run' || story.outcome === 'error') {
      const reason = story.outcome === 'error' ? `an error of ours: ${story.reason}` : story.reason
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    }
  }
  return { all, families, hosts, reasons: [...reasons].sort(([, a], [, b]) => b - a) }
}

function gradeOf(model: Model, story: StoredStory): Grade {
  if (story.evidence === 'documented') return 'documented'
  if (story.outcome === 'not-run' || story.outcome === 'error') return 'not-run'
  if (story.evidence === 'simulated-inferred') {
    const bases = new Set(model.readsOf(story).map(({ basis }) => basis))
    return bases.has('bracketed') && !bases.has('inferred') ? 'bracketed' : 'inferred'
  }
  return ({ real: 'real', 'simulated-sourced': 'sourced', 'simulated-grid': 'grid' } as const)[story.evidence]
}

/** Of what was measured, the percentage that rests on a kernel that ran or on trees that were read. */
export function firmPercent({ cells, grades }: Share): number {
  const measured = cells - grades.documented - grades['not-run']
  return measured === 0 ? 0 : Math.round((100 * (grades.real + grades.sourced)) / measured)
}
