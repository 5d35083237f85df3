import { interner } from './intern.ts'
import type {
  Cause,
  Execution,
  MatrixResults,
  Published,
  ReadField,
  ResultFeature,
  ResultHost,
  ResultRelease,
  StoredStory,
  Story,
} from '@vmbus/report'

/** What a run is made of; `storyOf` is asked once for each cell, release by release, host by host. */
export interface RunParts {
  readonly seed: number
  readonly runs: number
  readonly kernels?: MatrixResults['kernels']
  readonly shard?: MatrixResults['shard']
  readonly features: readonly ResultFeature[]
  readonly hosts: readonly ResultHost[]
  readonly releases: readonly ResultRelease[]
  readonly executions: Iterable<Execution>
  readonly causes: readonly Cause[]
  storyOf(release: ResultRelease, host: ResultHost, feature: ResultFeature): Story
}

/** The results of a run. Of the same parts they are the same, in whatever order the executions came. */
export function buildResults(parts: RunParts): MatrixResults {
  const { seed, runs, kernels, shard, features, hosts, releases } = parts
  const reads = interner<ReadField>()
  const published = interner<Published>(publishedText)
  const stories = interner<StoredStory>()
  const byStory = new Map<Story, number>()
  const cells = releases.map((release) =>
    hosts.flatMap((host) =>
      features.map((feature) => {
        const story = parts.storyOf(release, host, feature)
        const index =
          byStory.get(story) ??
          stories.indexOf({
            ...story,
            reads: story.reads.map(reads.indexOf),
            published: story.published.map(published.indexOf),
          })
        byStory.set(story, index)
        return index
      }),
    ),
  )
  const byId = [...parts.executions].map(inOrder).toSorted((one, other) => (one.id < other.id ? -1 : 1))
  return {
    format: 'vmbus-matrix/1',
    seed,
    runs,
    ...(kernels !== undefined && { kernels }),
    ...(shard !== undefined && { shard }),
    features,
    hosts,
    releases,
    executions: byId,
    causes: usedCauses(parts.causes, stories.list),
    reads: reads.list,
    published: published.list,
    stories: stories.list,
    cells,
  }
}

const publishedText = ({ value, date, page, column, notes }: Published): string =>
  [value, date, page, column, ...notes].join('\n')

/** The names in one order, whether an execution was just made or read from a file: the bytes of results depend on it. */
function inOrder(execution: Execution): Execution {
  const { id, probe, kernel, outcome, reason, decidedBy, notRun, notReal, seed, runs, bytes, transcript, exchange } =
    execution
  return {
    id,
    probe,
    ...(kernel !== undefined && { kernel }),
    outcome,
    reason,
    ...(decidedBy !== undefined && { decidedBy }),
    ...(notRun !== undefined && { notRun }),
    ...(notReal !== undefined && { notReal }),
    seed,
    runs,
    bytes,
    transcript,
    ...(exchange !== undefined && { exchange }),
  }
}

function usedCauses(causes: readonly Cause[], stories: readonly StoredStory[]): Cause[] {
  const used = new Set(stories.map(({ cause }) => cause))
  return causes.filter(({ id }) => used.has(id)).map(({ id, text, source, kind }) => ({ id, text, source, kind }))
}
