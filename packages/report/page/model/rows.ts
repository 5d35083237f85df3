import type { StoredStory } from '../../src/results/results.ts'
import { familyName } from './names.ts'
import type { Feature, Host, Model, Release } from './model.ts'
import { pageValue } from './words.ts'

/** Releases that share a row; the first is the newest, and stands for them. */
export interface Row {
  readonly releases: readonly [Release, ...Release[]]
  readonly label: string
  /** Where the drivers come from, when not built in. */
  readonly line: string
}

export interface Section {
  readonly title: string
  readonly releases: number
  readonly rows: readonly Row[]
}

export interface RowFilter {
  readonly host: Host
  readonly features: readonly Feature[]
  readonly family: string | undefined
  readonly supportedOnly: boolean
  readonly differsOnly: boolean
  readonly each: boolean
}

/** The rows of a host: first what is in support, then the rest by family, neighbours that look the same joined. */
export function sectionsOf(model: Model, filter: RowFilter): readonly Section[] {
  const { host, features } = filter
  const kept = model.releases.filter(
    (release) =>
      (filter.family === undefined || release.family === filter.family) &&
      (!filter.supportedOnly || release.supported) &&
      (!filter.differsOnly ||
        features.some((feature) => model.storyAt({ release, host, feature }).verdict === 'differs')),
  )
  const lookOf = looksOf(model)
  const look = (release: Release) =>
    features.map((feature) => lookOf(model.storyAt({ release, host, feature }))).join(' ')
  const section = (title: string, releases: readonly Release[], named: boolean) => ({
    title,
    releases: releases.length,
    rows: joined(releases, filter.each, look).map((row) => rowOf(row, named)),
  })
  const families = model.families.map((family) => ({
    title: `${familyName(family)}, out of support`,
    releases: kept.filter((release) => release.family === family && !release.supported),
  }))
  return [
    section(
      'In support, as far as known',
      kept.filter(({ supported }) => supported),
      true,
    ),
    ...families.map(({ title, releases }) => section(title, releases, false)),
  ].filter(({ releases }) => releases > 0)
}

/** A number that stories share which look the same in a grid; a host has a tenth of all stories. */
function looksOf(model: Model): (story: StoredStory) => number {
  const known = new Map<string, number>()
  const numbers = new Map<StoredStory, number>()
  return (story) => {
    const before = numbers.get(story)
    if (before !== undefined) return before
    const value = pageValue(model.publishedOf(story)) ?? ''
    const look = `${story.outcome} ${story.evidence} ${story.verdict} ${value}`
    const number = known.get(look) ?? known.size
    known.set(look, number)
    numbers.set(story, number)
    return number
  }
}

function joined(releases: readonly Release[], each: boolean, look: (release: Release) => string) {
  const rows: [Release, ...Release[]][] = []
  let last: { readonly release: Release; readonly look: string } | undefined
  for (const release of releases) {
    const now = { release, look: look(release) }
    const row = rows.at(-1)
    if (row !== undefined && last !== undefined && !each && mayJoin(last.release, release) && last.look === now.look)
      row.push(release)
    else rows.push([release])
    last = now
  }
  return rows
}

/** Never across a major version or a driver package; releases of Windows have names, not minor numbers. */
const mayJoin = (a: Release, b: Release) =>
  a.family === b.family && a.family !== 'windows' && a.line === b.line && a.major === b.major && tail(a) === tail(b)

/** What follows the number and is not counted: the kernel of Oracle Linux, `RHCK`. */
const tail = ({ label }: Release) => /^[\d.]+ (RHCK|UEK\d)/.exec(label)?.[1]

function rowOf(releases: Row['releases'], named: boolean): Row {
  const [newest] = releases
  const oldest = releases.at(-1) ?? newest
  const bare = ({ label }: Release) => label.split(' + ')[0] ?? label
  const range = newest === oldest ? bare(newest) : `${bare(oldest).replace(/ (RHCK|UEK\d)$/, '')} – ${bare(newest)}`
  return { releases, line: newest.line, label: named ? `${shortFamily(newest)} ${range}` : range }
}

/** The family as it fits before a number in a narrow column. */
const shortFamily = ({ family }: Release) => familyName(family).replace(/ Linux$/, '')
