import { isWorse, type Change } from '../results/diff.ts'
import type { StoredStory } from '@vmbus/report'
import { wrapped } from './summary.ts'

const told = (story: StoredStory | undefined): string => story?.outcome ?? 'not in the run'

/** What changed: the outcome, or where that stayed the evidence or the verdict. */
function movement({ before, after }: Change): string {
  if (before === undefined || after === undefined || before.outcome !== after.outcome)
    return `${told(before)} → ${told(after)}`
  const parts = [
    ...(before.evidence === after.evidence ? [] : [`${before.evidence} → ${after.evidence}`]),
    ...(before.verdict === after.verdict ? [] : [`${before.verdict} → ${after.verdict}`]),
  ]
  return `${before.outcome}: ${parts.join(', ')}`
}

const MOST_NAMES = 12
const names = (all: readonly string[]): string =>
  all.length <= MOST_NAMES
    ? all.join(', ')
    : `${all.slice(0, MOST_NAMES).join(', ')} and ${all.length - MOST_NAMES} more`

/** Changes by what changed how, what got worse first; a line for each, with its guests and hosts. */
export function changesText(changes: readonly Change[]): string {
  const groups = new Map<string, Change[]>()
  for (const change of changes) {
    const key = `${isWorse(change) ? 'worse ' : ''}${change.feature}: ${movement(change)}`
    groups.set(key, [...(groups.get(key) ?? []), change])
  }
  const worseFirst = [...groups].toSorted(
    ([one], [other]) => Number(other.startsWith('worse ')) - Number(one.startsWith('worse ')),
  )
  const lines = worseFirst.map(([key, group]) => {
    const releases = [...new Set(group.map(({ release }) => release))]
    const hosts = [...new Set(group.map(({ host }) => host))]
    return `${key} (${group.length})\n${wrapped('    ', `${names(releases)} on ${names(hosts)}`)}`
  })
  const worse = changes.filter(isWorse).length
  return `${[...lines, `${changes.length} cells changed, ${worse} for the worse`].join('\n')}\n`
}
