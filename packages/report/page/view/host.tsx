import { useMemo } from 'preact/hooks'
import { supportedOn, tallyOf } from '../model/counts.ts'
import { unique, type Feature, type Host as HostOf, type Place } from '../model/model.ts'
import { familyName, plural } from '../model/names.ts'
import { sectionsOf, type Row, type Section } from '../model/rows.ts'
import type { Query } from '../model/route.ts'
import { Grid, type GridRow } from './grid.tsx'
import { supportOf } from './guest.tsx'
import { element, escaped } from './markup.ts'
import { go, linkTo, linkWith, PHONE, useMedia, type Page } from './page.ts'

interface HostProps {
  readonly page: Page
  readonly host: HostOf
  readonly open: Place | undefined
}

/** I have this host: guests as rows, features as columns. */
export function Host({ page, host, open }: HostProps) {
  const { model, route } = page
  const { family, group, sup, diff, all } = route.query
  const features = useMemo(
    () => model.features.filter((feature) => group === undefined || feature.group === group),
    [model, group],
  )
  const sections = useMemo(
    () =>
      sectionsOf(model, {
        host,
        features,
        family,
        supportedOnly: sup !== undefined,
        differsOnly: diff !== undefined,
        each: all !== undefined,
      }),
    [model, host, features, family, sup, diff, all],
  )
  const rows = useMemo(
    () => sections.flatMap((section) => rowsOf(page, host, features, section)),
    [sections, route.query.theme],
  )
  const column = features.map((feature, at) => (at > 0 && feature.group !== features[at - 1]?.group ? ' gs' : ''))
  return (
    <>
      <h1>{host.title}</h1>
      <p class="meta">
        {[...host.facts, supportOf(host)].map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      </p>
      {host.sources.length > 0 && (
        <details class="more">
          <summary>Where these are from</summary>
          <ul class="sources">
            {host.sources.map((source) => (
              <li key={source}>{source}</li>
            ))}
          </ul>
        </details>
      )}
      <HostPicker page={page} host={host} />
      <Share page={page} host={host} sections={sections} />
      <Filters page={page} />
      <div class="scroll">
        {rows.length === 0 ? (
          <p>No release matches these filters.</p>
        ) : (
          <Grid
            page={page}
            kind="host"
            label={`Guests on ${host.name}`}
            head={<Head features={features} />}
            rows={rows}
            lead={2}
            column={column}
            open={open}
            style={{ '--columns': features.length }}
          />
        )}
      </div>
    </>
  )
}

function rowsOf(
  { model, route }: Page,
  host: HostOf,
  features: readonly Feature[],
  section: Section,
): readonly GridRow[] {
  return section.rows.map((row, at) => {
    const [release] = row.releases
    const { works, measured } = tallyOf(model, release, host)
    const group = `${escaped(section.title)} ${element('small', {}, plural(section.releases, 'release'))}`
    const link = element('a', { href: linkTo(route, 'guest', release.slug, { host: host.id }) }, escaped(row.label))
    const line = row.line === '' ? '' : element('small', {}, escaped(row.line))
    return {
      ...(at === 0 ? { group } : {}),
      head:
        element('th', { class: 'lab', scope: 'row', title: namesOf(row) }, link + line) +
        element('td', { class: 'n' }, measured === 0 ? '–' : `${works}/${measured}`),
      places: features.map((feature) => ({ release, host, feature })),
      holds: (place) => place.host === host && row.releases.includes(place.release),
    }
  })
}

const namesOf = (row: Row) => row.releases.map(({ name }) => name).join(', ')

function Head({ features }: { features: readonly Feature[] }) {
  const groups = unique(features.map(({ group }) => group))
  return (
    <>
      <colgroup>
        <col class="lh" />
        <col class="cn" />
      </colgroup>
      <thead>
        <tr class="sup">
          <td colSpan={2} />
          {groups.map((group, at) => {
            const width = features.filter((feature) => feature.group === group).length
            return (
              <td key={group} colSpan={width} class={at > 0 ? 'gs' : ''} style={{ '--span': width }}>
                {width > 2 ? group : ''}
              </td>
            )
          })}
        </tr>
        <tr class="names">
          <th scope="col">
            <span class="vh">Release</span>
          </th>
          <th scope="col">
            <span class="v quiet">work, of measured</span>
          </th>
          {features.map(({ id, name, title, group }, at) => (
            <th key={id} scope="col" class={at > 0 && group !== features[at - 1]?.group ? 'gs' : ''} title={title}>
              <span class="v">{name}</span>
            </th>
          ))}
        </tr>
      </thead>
    </>
  )
}

/** All hosts side by side; a list to choose from on a phone. */
function HostPicker({ page: { model, route }, host }: Omit<HostProps, 'open'>) {
  const query = { ...route.query, cell: '' }
  return useMedia(PHONE) ? (
    <p class="phone">
      <label>
        Host{' '}
        <select value={host.id} onChange={({ currentTarget }) => go(linkTo(route, 'host', currentTarget.value, query))}>
          {model.hosts.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </p>
  ) : (
    <nav class="seg" aria-label="Hosts">
      {model.hosts.map((one) => (
        <a
          key={one.id}
          class={one.supported ? '' : 'old'}
          title={one.title}
          href={linkTo(route, 'host', one.id, query)}
          aria-current={one === host ? 'true' : undefined}
        >
          {one.group === 'Windows' ? 'Windows ' : ''}
          {one.label.join(' ')}
        </a>
      ))}
    </nav>
  )
}

interface ShareProps {
  readonly page: Page
  readonly host: HostOf
  readonly sections: readonly Section[]
}

function Share({ page: { model, route }, host, sections }: ShareProps) {
  const { releases, percent, whole, least } = useMemo(() => supportedOn(model, host), [model, host])
  const shown = sections.reduce((sum, section) => sum + section.releases, 0)
  const rows = sections.reduce((sum, section) => sum + section.rows.length, 0)
  return (
    <div class="answer">
      Of {plural(releases, 'guest release')} in support, as far as known, <b>{percent} % of what was measured works.</b>
      <span class="not">
        {whole} of them {whole === 1 ? 'lacks' : 'lack'} nothing that was measured
        {least.map(({ release, lacks }, at) => (
          <>
            {at === 0 ? '; ' : ', '}
            <a href={linkTo(route, 'guest', release.slug, { host: host.id })}>{release.name}</a> lacks {lacks}
          </>
        ))}
        .{rows < shown && ` A row joins neighbouring releases that look the same: ${shown} releases in ${rows} rows.`}
      </span>
    </div>
  )
}

const SWITCHES = [
  ['sup', 'in support only'],
  ['diff', 'page says otherwise'],
  ['all', 'one row per release'],
] as const

function Filters({ page: { model, route } }: { page: Page }) {
  const { query } = route
  const phone = useMedia(PHONE)
  const set = (['family', 'group', 'sup', 'diff', 'all'] as const).filter((key) => query[key] !== undefined).length
  const change = (changed: Query) => go(linkWith(route, changed))
  return (
    <details class="filters" open={!phone}>
      <summary>Filters{set > 0 && ` (${set} set)`}</summary>
      <div class="bar">
        <label>
          Guests{' '}
          <select value={query.family ?? ''} onChange={({ currentTarget }) => change({ family: currentTarget.value })}>
            <option value="">all families</option>
            {model.families.map((family) => (
              <option key={family} value={family}>
                {familyName(family)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Features{' '}
          <select value={query.group ?? ''} onChange={({ currentTarget }) => change({ group: currentTarget.value })}>
            <option value="">all {model.features.length}</option>
            {unique(model.features.map(({ group }) => group)).map((group) => (
              <option key={group}>{group}</option>
            ))}
          </select>
        </label>
        {SWITCHES.map(([key, words]) => (
          <label key={key}>
            <input
              type="checkbox"
              checked={query[key] !== undefined}
              onChange={({ currentTarget }) => change({ [key]: currentTarget.checked ? '1' : '' })}
            />
            {words}
          </label>
        ))}
      </div>
    </details>
  )
}
