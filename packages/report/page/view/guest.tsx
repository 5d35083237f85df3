import { useMemo } from 'preact/hooks'
import { tallyOf } from '../model/counts.ts'
import type { Host, Place, Release } from '../model/model.ts'
import { dateName } from '../model/names.ts'
import { siblings } from '../model/place.ts'
import { Answer } from './answer.tsx'
import { Grid, type GridRow } from './grid.tsx'
import { element, escaped } from './markup.ts'
import { go, linkTo, linkWith, PHONE, useMedia, type Page } from './page.ts'
import { Picker } from './picker.tsx'

interface GuestProps {
  readonly page: Page
  readonly release: Release
  readonly host: Host
  readonly open: Place | undefined
}

/** I have this guest: hosts as columns, features as rows. */
export function Guest({ page, release, host, open }: GuestProps) {
  const { model, route } = page
  const phone = useMedia(PHONE)
  const folded = phone && route.query.hosts === undefined
  const hosts = useMemo(
    () =>
      folded ? model.hosts.filter((one) => one.group !== 'Windows' || one === host || one === open?.host) : model.hosts,
    [model, folded, host, open],
  )
  const rows = useMemo<readonly GridRow[]>(
    () =>
      model.features.map((feature, at) => ({
        ...(feature.group === model.features[at - 1]?.group ? {} : { group: escaped(feature.group) }),
        head: element('th', { class: 'lab', scope: 'row', title: feature.title }, escaped(feature.name)),
        places: hosts.map((one) => ({ release, host: one, feature })),
        holds: (place) => place.release === release && place.feature === feature,
      })),
    [model, release, hosts],
  )
  const column = hosts.map((one, at) => (at > 0 && one.group !== hosts[at - 1]?.group ? ' gs' : ''))
  return (
    <>
      <Title page={page} release={release} host={host} />
      <Picker page={page} release={release} host={host} />
      <Answer page={page} release={release} host={host} />
      {phone && <HostsSwitch page={page} folded={folded} />}
      <div class={phone && !folded ? 'wrap scroll' : 'wrap'}>
        <Grid
          page={page}
          kind="guest"
          label={`${release.name}: features by host`}
          head={<Head page={page} release={release} host={host} hosts={hosts} />}
          rows={rows}
          lead={1}
          column={column}
          open={open}
          style={{ '--columns': hosts.length }}
        />
        <div
          class={`frame${column[hosts.indexOf(host)] ?? ''}`}
          aria-hidden="true"
          style={{ '--columns': hosts.length, '--chosen': hosts.indexOf(host) }}
        />
      </div>
    </>
  )
}

function HostsSwitch({ page, folded }: { page: Page; folded: boolean }) {
  const all = page.model.hosts.length
  return (
    <p class="bar">
      <label>
        <input
          type="checkbox"
          checked={!folded}
          onChange={() => go(linkWith(page.route, { hosts: folded ? 'all' : '' }))}
        />
        all {all} hosts, clients too
      </label>
    </p>
  )
}

function Title({ page, release, host }: Omit<GuestProps, 'open'>) {
  const { model, route } = page
  const line = siblings(model, release)
  const at = line.indexOf(release)
  const step = (other: Release | undefined, text: (label: string) => string) =>
    other && <a href={linkTo(route, 'guest', other.slug, { host: host.id })}>{text(other.label)}</a>
  const others = model.releases.filter(
    (one) => one !== release && one.key.split(' + ')[0] === release.key.split(' + ')[0],
  )
  return (
    <>
      <div class="titlerow">
        <h1>{release.name}</h1>
        <nav class="step" aria-label="Neighbouring releases">
          {step(line[at + 1], (label) => `← ${label}`)}
          {step(line[at - 1], (label) => `${label} →`)}
        </nav>
      </div>
      <p class="meta">
        <span>{/^\d/.test(release.kernel) ? `Linux ${release.kernel}` : release.kernel}</span>
        <span>
          drivers {release.line === '' ? release.drivers : release.line.slice(2)}
          {others.map((one) => (
            <>
              {' '}
              (
              <a href={linkTo(route, 'guest', one.slug, { host: host.id })}>
                {one.line === '' ? 'built in' : one.line}
              </a>
              )
            </>
          ))}
        </span>
        <span>{supportOf(release)}</span>
        <span>{release.generation === undefined ? 'no driver tree' : `driver tree ${release.generation}`}</span>
      </p>
    </>
  )
}

export function supportOf({ supported, supportEnds }: { supported: boolean; supportEnds?: string }): string {
  if (supportEnds === undefined) return 'end of support not known'
  return supported ? `in support until ${dateName(supportEnds)}` : `support ended ${dateName(supportEnds)}`
}

interface HeadProps {
  readonly page: Page
  readonly release: Release
  readonly host: Host
  readonly hosts: readonly Host[]
}

function Head({ page: { model, route }, release, host, hosts }: HeadProps) {
  const groups = hosts
    .map(({ group }, at) => ({ group, at }))
    .filter(({ group, at }) => at === 0 || group !== hosts[at - 1]?.group)
    .map(({ group, at }, index, all) => ({ group, at, width: (all[index + 1]?.at ?? hosts.length) - at }))
  return (
    <thead>
      <tr class="sup">
        <td />
        {groups.map(({ group, at, width }) => (
          <td key={at} colSpan={width} class={at > 0 ? 'gs' : ''}>
            {group}
          </td>
        ))}
      </tr>
      <tr>
        <th scope="col">
          <span class="vh">Feature</span>
        </th>
        {hosts.map((one, at) => {
          const { works, measured } = tallyOf(model, release, one)
          return (
            <th
              key={one.id}
              scope="col"
              class={`${one === host ? 'on' : ''} ${one.supported ? '' : 'old'} ${at > 0 && one.group !== hosts[at - 1]?.group ? 'gs' : ''}`}
            >
              <button
                type="button"
                aria-pressed={one === host}
                title={`${one.title}, ${supportOf(one)}`}
                aria-label={`${one.name}: ${works} of ${measured} work`}
                onClick={() => go(linkWith(route, { host: one.id }))}
              >
                <b>
                  {one.label.map((part) => (
                    <span key={part}>{part} </span>
                  ))}
                </b>
                <i>{measured === 0 ? '–' : `${works}/${measured}`}</i>
              </button>
            </th>
          )
        })}
      </tr>
    </thead>
  )
}
