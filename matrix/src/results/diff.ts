import { cellsOf } from './read.ts'
import type { MatrixResults, Outcome, StoredStory } from '@vmbus/report'

/** A cell that is not what it was. */
export interface Change {
  readonly release: string
  readonly host: string
  readonly feature: string
  /** Absent: the older, or the newer, run did not have the cell. */
  readonly before?: StoredStory
  readonly after?: StoredStory
}

/** Best first: what comes later in it is worse. What nobody measured stands nowhere. */
const RANK: readonly Outcome[] = [
  'works',
  'partial',
  'not-offered',
  'no-driver',
  'fails',
  'guest-hung',
  'guest-corrupt',
  'error',
]

/** A cell lost something that it had. */
export function isWorse({ before, after }: Change): boolean {
  if (before === undefined || after === undefined) return false
  const [was, is] = [RANK.indexOf(before.outcome), RANK.indexOf(after.outcome)]
  return was >= 0 && is > was
}

const isSame = (one: StoredStory, other: StoredStory): boolean =>
  one.outcome === other.outcome && one.evidence === other.evidence && one.verdict === other.verdict

/** Every cell whose outcome, evidence or verdict changed, or that one of the runs does not have; in the order of the newer run. */
export function diffOf(older: MatrixResults, newer: MatrixResults): readonly Change[] {
  const before = byPlace(older)
  const changes: Change[] = []
  for (const { release, host, feature, index } of cellsOf(newer)) {
    const place = placeOf(release.key, host.id, feature.id)
    const [was, is] = [before.get(place), newer.stories[index]]
    before.delete(place)
    if (is === undefined || (was !== undefined && isSame(was, is))) continue
    changes.push({
      release: release.key,
      host: host.id,
      feature: feature.id,
      ...(was !== undefined && { before: was }),
      after: is,
    })
  }
  for (const { release, host, feature } of cellsOf(older)) {
    const gone = before.get(placeOf(release.key, host.id, feature.id))
    if (gone !== undefined) changes.push({ release: release.key, host: host.id, feature: feature.id, before: gone })
  }
  return changes
}

const placeOf = (release: string, host: string, feature: string): string => `${release}\n${host}\n${feature}`

function byPlace(results: MatrixResults): Map<string, StoredStory> {
  const places = new Map<string, StoredStory>()
  for (const { release, host, feature, index } of cellsOf(results)) {
    const story = results.stories[index]
    if (story !== undefined) places.set(placeOf(release.key, host.id, feature.id), story)
  }
  return places
}
