import { once } from '../../src/once.ts'
import { slugOf } from '../../src/replay.ts'
import type { Execution } from '../../src/results/execution.ts'
import type { Cause, MatrixResults, Published, ReadField, StoredStory } from '../../src/results/results.ts'
import { familyName, featureName, groupName, hostGroup, hostLabel, hostName, releaseLabel } from './names.ts'

export interface Release {
  /** In the results, not in the order of the page. */
  readonly index: number
  readonly key: string
  /** In links and commands: `rhel-6.10-lis-4.3`. */
  readonly slug: string
  readonly family: string
  /** `RHEL 6.10 + LIS 4.3`. */
  readonly name: string
  /** `6.10 + LIS 4.3`. */
  readonly label: string
  /** Where the drivers come from: `+ LIS 4.3`, empty for those built in. */
  readonly line: string
  /** Releases of one major version may join in a row: `6`. */
  readonly major: string
  readonly kernel: string
  readonly drivers: string
  readonly generation?: string
  readonly supportEnds?: string
  /** False where it has ended; releases whose end the catalog does not know count as supported. */
  readonly supported: boolean
}

export interface Host {
  readonly index: number
  readonly id: string
  /** `Windows Server 2022`. */
  readonly name: string
  /** With the clients of the same build: `Windows Server 2022 / Windows 11 21H2`. */
  readonly title: string
  readonly label: readonly string[]
  readonly group: string
  readonly facts: readonly string[]
  readonly sources: readonly string[]
  readonly supportEnds?: string
  readonly supported: boolean
}

export interface Feature {
  readonly index: number
  readonly id: string
  /** As on the page. */
  readonly title: string
  readonly name: string
  readonly group: string
  readonly missing?: string
}

/** A place of the matrix. */
export interface Place {
  readonly release: Release
  readonly host: Host
  readonly feature: Feature
}

/** The results in the order and by the names of the page. */
export interface Model {
  readonly seed: number
  readonly runs: number
  /** By family; within one those with drivers built in first; newest first. */
  readonly releases: readonly Release[]
  readonly families: readonly string[]
  /** Servers first, clients last. */
  readonly hosts: readonly Host[]
  /** By group. */
  readonly features: readonly Feature[]
  readonly stories: readonly StoredStory[]
  /** Cells that differ from the page. */
  readonly differing: number
  storyAt(place: Place): StoredStory
  /** Index of the story in `stories`. */
  at(place: Place): number
  readsOf(story: StoredStory): readonly ReadField[]
  publishedOf(story: StoredStory): readonly Published[]
  executionOf(story: StoredStory): Execution | undefined
  causeOf(story: StoredStory): Cause | undefined
}

/** The place whose index is out of every list: a damaged results file. */
const found = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new RangeError(`the results name ${what} that they do not have`)
  return value
}

/** @param today the reader's day, `2026-11-30`, which divides what is in support from what was */
export function modelOf(results: MatrixResults, today: string): Model {
  const executions = once(() => new Map(results.executions.map((execution) => [execution.id, execution])))
  const causes = new Map(results.causes.map((cause) => [cause.id, cause]))
  const at = ({ release, host, feature }: Place) =>
    found(results.cells[release.index]?.[host.index * results.features.length + feature.index], 'a cell')
  const families = unique(results.releases.map(({ family }) => family))
  return {
    seed: results.seed,
    runs: results.runs,
    families,
    releases: releasesOf(results, today).sort(
      (a, b) =>
        families.indexOf(a.family) - families.indexOf(b.family) || byDrivers(a, b) || newestFirst(a.label, b.label),
    ),
    hosts: hostsOf(results, today),
    features: featuresOf(results),
    stories: results.stories,
    differing: differingIn(results),
    at,
    storyAt: (place) => found(results.stories[at(place)], 'a story'),
    readsOf: (story) => story.reads.map((index) => found(results.reads[index], 'a field')),
    publishedOf: (story) => story.published.map((index) => found(results.published[index], 'a published value')),
    executionOf: ({ execution }) => (execution === undefined ? undefined : executions().get(execution)),
    causeOf: ({ cause }) => (cause === undefined ? undefined : causes.get(cause)),
  }
}

/** By rows of indices, since a place for each of 240,720 cells takes a tenth of a second. */
function differingIn({ stories, cells }: MatrixResults): number {
  const differs = stories.map(({ verdict }) => verdict === 'differs')
  return cells.reduce((sum, row) => sum + row.filter((at) => differs[at]).length, 0)
}

function releasesOf({ releases }: MatrixResults, today: string): Release[] {
  return releases.map((release, index) => {
    const { key, family, supportEnds, generation } = release
    const label = releaseLabel(key)
    const [bare = label, extra] = label.split(' + ')
    return {
      index,
      key,
      slug: slugOf(key),
      family,
      name: `${familyName(key.split(' ')[0] ?? family)} ${label}`,
      label,
      line: extra === undefined ? '' : `+ ${extra}`,
      major: /^[A-Za-z]*\d*/.exec(bare)?.[0] ?? bare,
      kernel: release.kernel,
      drivers: release.drivers,
      ...(generation === undefined ? {} : { generation }),
      ...(supportEnds === undefined ? {} : { supportEnds }),
      supported: supportEnds === undefined || isAhead(supportEnds, today),
    }
  })
}

function hostsOf({ hosts }: MatrixResults, today: string): readonly Host[] {
  const groups = ['Windows Server', '', 'Windows']
  return hosts
    .map(({ id, name, supportEnds, facts = [], sources = [] }, index) => ({
      index,
      id,
      name: hostName(id, name),
      title: name,
      label: hostLabel(id, name),
      group: hostGroup(id),
      facts,
      sources,
      ...(supportEnds === undefined ? {} : { supportEnds }),
      supported: supportEnds === undefined || isAhead(supportEnds, today),
    }))
    .sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group) || a.index - b.index)
}

function featuresOf({ features }: MatrixResults): readonly Feature[] {
  const groups = unique(features.map(({ group }) => group))
  return features
    .map(({ id, name, group, missing }, index) => ({
      index,
      id,
      title: name,
      name: featureName(id, name),
      group,
      ...(missing === undefined ? {} : { missing }),
    }))
    .sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group) || a.index - b.index)
    .map((feature) => ({ ...feature, group: groupName(feature.group) }))
}

/** The last day of support, or its month where no day is known, has not passed. */
const isAhead = (ends: string, today: string) => ends >= today.slice(0, ends.length)

const byDrivers = (a: Release, b: Release) =>
  Number(a.line !== '') - Number(b.line !== '') || newestFirst(a.line, b.line)

const WORDS = new Intl.Collator('en', { numeric: true })

/** By the numbers in two names, 7.10 before 7.9; a name before that name with more behind it. */
export function newestFirst(a: string, b: string): number {
  if (a === b) return 0
  const parts = (name: string): readonly string[] => name.match(/\d+|[a-z]+/gi) ?? []
  const [left, right] = [parts(a), parts(b)]
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [one, other] = [left[at] ?? '', right[at] ?? '']
    const order = Number(other) - Number(one) || WORDS.compare(other, one)
    if (order !== 0) return order
  }
  return 0
}

export const unique = <T>(values: readonly T[]): T[] => [...new Set(values)]
