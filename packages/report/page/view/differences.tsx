import { useLayoutEffect, useMemo, useState } from 'preact/hooks'
import { differencesOf, type Difference } from '../model/differences.ts'
import { count, plural } from '../model/names.ts'
import { go, linkWith, type Page } from './page.ts'
import { SmallGrid } from './small-grid.tsx'

const sum = (differences: readonly Difference[]) => differences.reduce((total, { places }) => total + places.length, 0)

/** Where the page says otherwise, by cause, biggest first. */
export function Differences({ page }: { page: Page }) {
  const { model } = page
  const differences = useMemo(() => differencesOf(model), [model])
  const { kind } = page.route.query
  const explained = differences.filter(({ cause }) => cause !== undefined)
  const bugs = explained.filter(({ cause }) => cause?.kind === 'our-bug').length
  const most = Math.max(1, ...differences.map(({ places }) => places.length))
  return (
    <>
      <h1>{count(model.differing)} cells where the page says otherwise</h1>
      <p class="lede">
        They come down to <b>{plural(explained.length, 'cause')}</b>, biggest first. Each has a source other than the
        page. <b>{bugs}</b> of them {bugs === 1 ? 'is a bug' : 'are bugs'} of ours. Cells without a cause:{' '}
        <b>{count(sum(differences.filter(({ cause }) => cause === undefined)))}</b>.
      </p>
      <p class="bar">
        <label>
          Show{' '}
          <select
            value={kind ?? ''}
            onChange={({ currentTarget }) => go(linkWith(page.route, { kind: currentTarget.value }))}
          >
            <option value="">findings and our bugs</option>
            <option value="finding">findings only</option>
            <option value="our-bug">our bugs only</option>
          </select>
        </label>
      </p>
      {differences
        .filter(({ cause }) => kind === undefined || cause?.kind === kind)
        .map((difference) => (
          <CauseOf key={difference.cause?.id ?? ''} page={page} difference={difference} most={most} />
        ))}
    </>
  )
}

function CauseOf({ page, difference, most }: { page: Page; difference: Difference; most: number }) {
  const { cause, places, releases, hosts, features } = difference
  const asked = cause !== undefined && page.route.query.cause === cause.id
  const [shown, setShown] = useState(asked)
  const id = `cause-${cause?.id ?? 'none'}`
  useLayoutEffect(() => {
    if (!asked) return
    setShown(true)
    document.querySelector(`#${CSS.escape(id)}`)?.scrollIntoView()
  }, [asked])
  const named = features.slice(0, 3).map(({ name }) => name)
  const [title = '', ...rest] = cause?.text.split(/(?<=\.) /) ?? ['Not explained yet.']
  return (
    <section class="cause" id={id}>
      <div class="cnt">
        {count(places.length)}
        <small>cells</small>
        <div class="meter" style={{ width: `${Math.max(3, Math.round((100 * places.length) / most))}%` }} />
      </div>
      <div>
        <h2>
          {title.replace(/\.$/, '')}
          {cause !== undefined && <span class={`tag ${cause.kind}`}>{cause.kind.replace('-', ' ')}</span>}
        </h2>
        <p>{rest.join(' ')}</p>
        <p class="src">
          {named.join(', ')}
          {features.length > named.length && ` and ${features.length - named.length} more`} ·{' '}
          {plural(releases.length, 'release')} · {plural(hosts.length, 'host')}
          {cause !== undefined && ` · source: ${cause.source}`}
        </p>
        <details open={shown} onToggle={({ currentTarget }) => setShown(currentTarget.open)}>
          <summary>Show the cells</summary>
          {shown && <Cells page={page} difference={difference} />}
        </details>
      </div>
    </section>
  )
}

/** Rows that are shown; more nobody reads. */
const MOST_ROWS = 24

function Cells({ page, difference: { places, hosts, features } }: { page: Page; difference: Difference }) {
  const rows = [...new Map(places.map((place) => [`${place.release.slug} ${place.feature.id}`, place])).values()]
  const one = features.length === 1
  return (
    <div class="scroll2" tabIndex={0} role="region" aria-label="Cells of this cause">
      <SmallGrid
        page={page}
        kind="mini"
        label="Cells of this cause"
        columns={hosts.map(({ label }) => label.join(' '))}
        lead={one ? 1 : 2}
        rows={rows.slice(0, MOST_ROWS).map(({ release, feature }) => ({
          key: `${release.slug} ${feature.id}`,
          head: (
            <>
              <th scope="row">{release.name}</th>
              {!one && <td>{feature.name}</td>}
            </>
          ),
          places: hosts.map((host) => ({ release, host, feature })),
        }))}
      />
      {rows.length > MOST_ROWS && <p class="src">and {plural(rows.length - MOST_ROWS, 'row')} more</p>}
    </div>
  )
}
