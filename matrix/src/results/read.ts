import type { MatrixResults, ResultFeature, ResultHost, ResultRelease, Story } from '@vmbus/report'

/** One cell of a run with its place. */
export interface ReadCell {
  readonly release: ResultRelease
  readonly host: ResultHost
  readonly feature: ResultFeature
  /** Index of its story: cells that are alike in everything share one. */
  readonly index: number
}

/** Every cell, release by release, host by host. */
export function* cellsOf({ releases, hosts, features, cells }: MatrixResults): Generator<ReadCell> {
  for (const [r, release] of releases.entries())
    for (const [h, host] of hosts.entries())
      for (const [f, feature] of features.entries())
        yield { release, host, feature, index: cells[r]?.[h * features.length + f] ?? -1 }
}

/** Every story with all that it read and that is published, by its index. */
export function storiesOf({ stories, reads, published }: MatrixResults): readonly Story[] {
  const pick = <T>(list: readonly T[], indices: readonly number[]): T[] =>
    indices.flatMap((index) => {
      const found = list[index]
      return found === undefined ? [] : [found]
    })
  return stories.map((story) => ({
    ...story,
    reads: pick(reads, story.reads),
    published: pick(published, story.published),
  }))
}
