import type { Field } from '@vmbus/world'
import { grids, hostBuilds } from './facts.ts'
import { covers } from './join.ts'
import { findRelease, unlistedGuest, type Found } from './release.ts'
import type { Feature, FeatureId, GridFamily, GridRelease, GridTable, PageCell, UnlistedGuest } from './schema.ts'

export interface PageNote {
  readonly number: string | number
  readonly text: string
}

/** What one version of a page says of a feature of a release on a host. */
export interface PageValue {
  /** `not-listed`: this version of the page does not speak of that host. */
  readonly value: PageCell['value'] | 'not-listed'
  /** When the page was written, as it says itself. */
  readonly date: string
  readonly page: string
  readonly commit: string | null
  /** The table within the page, and its column. */
  readonly table: string
  readonly column: string
  /** The part of the column that a mark is limited to. */
  readonly scope: PageCell['scope']
  readonly notes: readonly PageNote[]
}

export interface Support {
  /** The release as the list names it. */
  readonly release: string
  readonly host: string
  readonly feature: Feature
  /** `emulated`: without integration services, over emulated devices alone. */
  readonly runs: UnlistedGuest['runs']
  /** Why it does not run with integration services, or why no page has a value. */
  readonly reason: Field<string> | undefined
  /** Newest page first. */
  readonly pages: readonly PageValue[]
}

/**
 * What every published page says of a feature of a release on a host: `support('rhel 7.9', 'ws2022', 'trim')`. Undefined for
 * a release or a host that the catalog does not know.
 */
export const support = (release: string, host: string, feature: FeatureId): Support | undefined =>
  supportOf(release)?.(host, feature)

/** The same of one release, whose columns are looked for once: for whoever asks for every host and feature. */
export function supportOf(release: string): ((host: string, featureId: FeatureId) => Support | undefined) | undefined {
  const found = findRelease(release)
  const answer = found === undefined ? unlisted(release) : listed(found)
  if (answer === undefined) return undefined
  const features = new Map(grids().features.map((feature) => [feature.id, feature]))
  const hosts = new Set<string>(hostBuilds().map(({ id }) => id))
  return (host, featureId) => {
    const feature = features.get(featureId)
    return feature === undefined || !hosts.has(host) ? undefined : answer(host, feature)
  }
}

type Answer = (host: string, feature: Feature) => Support

function unlisted(name: string): Answer | undefined {
  const guest = unlistedGuest(name)
  return (
    guest &&
    ((host, feature) => ({ release: guest.name, host, feature, runs: guest.runs, reason: guest.reason, pages: [] }))
  )
}

function listed(found: Found): Answer {
  const { row } = found
  const columns = columnsOf(found)
  const newestFirst = grids().tables.map(({ id }) => id)
  const tables = new Map(grids().tables.map((table) => [table.id, table]))
  return (host, feature) => {
    const pages = columns.flatMap(([family, column]) => pageValues(tables, family, column, host, feature.id))
    return {
      release: row.key,
      host,
      feature,
      runs: row.drivers === 'none' ? 'emulated' : 'integration-services',
      reason: row.reason ?? (pages.length === 0 ? unwritten(row.distribution) : undefined),
      pages: pages.toSorted((one, other) => newestFirst.indexOf(one.table) - newestFirst.indexOf(other.table)),
    }
  }
}

const columnsOf = (found: Found): (readonly [GridFamily, GridRelease])[] =>
  grids().families.flatMap((family) =>
    family.releases.filter((column) => covers(family, column, found)).map((column) => [family, column] as const),
  )

const unwritten = (distribution: string): Field<string> => ({
  value:
    distribution === 'windows' ? 'the pages have no grid of Windows guests' : 'no page has a column or a row of it',
  basis: 'grid',
  source: 'every page version of data/grids.json, tables',
})

function pageValues(
  tables: ReadonlyMap<string, GridTable>,
  family: GridFamily,
  column: GridRelease,
  host: string,
  feature: FeatureId,
): PageValue[] {
  const said = column.support[feature]?.by ?? []
  return said.flatMap((cell) => {
    const table = tables.get(cell.table)
    if (table === undefined) return []
    const { ms_date: date, page, commit, id } = table
    return [
      {
        value: valueOn(host, cell, table),
        date,
        page,
        commit,
        table: id,
        column: column.label,
        scope: cell.scope,
        notes: (cell.notes ?? []).map((number) => ({ number, text: family.notes[String(number)] ?? '' })),
      },
    ]
  })
}

/**
 * A row that names no host speaks of every host of its page; a host that a row with a mark does not name lacks the
 * feature (grids.json, meta.legend).
 */
function valueOn(host: string, { hosts, value }: PageCell, { hosts_listed: known }: GridTable): PageValue['value'] {
  if (!known.some((id) => id === host)) return 'not-listed'
  if (hosts.length === 0 || value === 'n/a' || hosts.some((id) => id === host)) return value
  return 'no'
}
