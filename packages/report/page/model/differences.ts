import type { Cause } from '../../src/results/results.ts'
import { unique, type Feature, type Host, type Model, type Place, type Release } from './model.ts'

/** Cells that differ from the page for one reason. */
export interface Difference {
  /** Undefined: nobody has explained these yet. */
  readonly cause: Cause | undefined
  readonly places: readonly Place[]
  readonly releases: readonly Release[]
  readonly hosts: readonly Host[]
  readonly features: readonly Feature[]
}

/** All differences by cause, biggest first. */
export function differencesOf(model: Model): readonly Difference[] {
  const byCause = new Map<Cause | undefined, Place[]>()
  for (const place of placesOf(model)) {
    const story = model.storyAt(place)
    if (story.verdict !== 'differs') continue
    const cause = model.causeOf(story)
    const places = byCause.get(cause)
    if (places === undefined) byCause.set(cause, [place])
    else places.push(place)
  }
  return [...byCause]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([cause, places]) => ({
      cause,
      places,
      releases: unique(places.map(({ release }) => release)),
      hosts: inOrder(
        model.hosts,
        places.map(({ host }) => host),
      ),
      features: inOrder(
        model.features,
        places.map(({ feature }) => feature),
      ),
    }))
}

/** Every place, release by release, in the order of the guest's grid. */
export function* placesOf({ releases, hosts, features }: Model): Iterable<Place> {
  for (const release of releases)
    for (const feature of features) for (const host of hosts) yield { release, host, feature }
}

function inOrder<T>(order: readonly T[], some: readonly T[]): readonly T[] {
  const present = new Set(some)
  return order.filter((one) => present.has(one))
}
