import { useEffect, useLayoutEffect, useMemo } from 'preact/hooks'
import type { Host as HostOf, Model, Place } from '../model/model.ts'
import { count } from '../model/names.ts'
import { placeOf } from '../model/place.ts'
import type { Route } from '../model/route.ts'
import { Differences } from './differences.tsx'
import { Guest } from './guest.tsx'
import { Header } from './header.tsx'
import { Host } from './host.tsx'
import { useKeys } from './keys.ts'
import { Legend } from './legend.tsx'
import { NARROW, useMedia, useRoute, type Page } from './page.ts'
import { Story } from './story.tsx'
import { Sure } from './sure.tsx'

/** The host that the page begins with, and the guest. */
const FIRST_HOST = 'ws2022'
const FIRST_RELEASE = 'rhel-7.9'

export function App({ model }: { model: Model }) {
  const route = useRoute()
  const page = { model, route }
  const { cell, theme } = route.query
  const open = useMemo(() => placeOf(model, cell), [model, cell])
  const host = hostOf(model, route)
  const release =
    model.releases.find(({ slug }) => slug === route.id) ??
    model.releases.find(({ slug }) => slug === FIRST_RELEASE) ??
    model.releases[0]
  const narrow = useMedia(NARROW)
  useKeys(page)
  useLayoutEffect(() => {
    if (theme !== undefined) document.documentElement.dataset['theme'] = theme
  }, [theme])
  useLayoutEffect(() => {
    document.documentElement.classList.toggle('opened', open !== undefined)
  }, [open])
  const title = { guest: release?.name, host: host?.name, differences: 'Differences', sure: 'How sure' }[route.view]
  useEffect(() => {
    document.title = `${title} · vmbus matrix`
  }, [title])
  if (release === undefined || host === undefined) return <p>The results have no guests or no hosts.</p>
  return (
    <>
      <a class="skip" href="#main" onClick={toMain}>
        Skip to the content
      </a>
      <Header page={page} release={release} host={host} />
      <main id="main" class={route.view} tabIndex={-1}>
        <div class="view">
          {route.view === 'guest' && <Guest key={release.slug} page={page} release={release} host={host} open={open} />}
          {route.view === 'host' && <Host page={page} host={host} open={open} />}
          {route.view === 'differences' && <Differences page={page} />}
          {route.view === 'sure' && <Sure page={page} host={host} />}
        </div>
        <Side page={page} open={open} legend={open === undefined || narrow} />
      </main>
      <div class="vh" aria-live="polite">
        {open !== undefined && `Story of ${open.feature.name}, ${open.release.name} on ${open.host.name}`}
      </div>
      <footer>
        Seed {model.seed} · {count(model.runs)} command sequences a property · {count(model.releases.length)} guest
        releases × {model.hosts.length} hosts × {model.features.length} features · one file, no network, no storage
      </footer>
    </>
  )
}

/** The host that the route names, else the newest server that is in support. */
function hostOf({ hosts }: Model, { view, id, query }: Route): HostOf | undefined {
  const named = view === 'host' ? id : query.host
  return hosts.find((host) => host.id === named) ?? hosts.find((host) => host.id === FIRST_HOST) ?? hosts[0]
}

/** The hash of the link is the state of the page, so that the link itself must not be followed. */
function toMain(event: Event) {
  event.preventDefault()
  document.querySelector<HTMLElement>('#main')?.focus()
}

function Side({ page, open, legend }: { page: Page; open: Place | undefined; legend: boolean }) {
  return (
    <aside aria-label="Legend and story">
      <div class="side" tabIndex={0} role="region" aria-label="Details">
        {open !== undefined && <Story page={page} place={open} />}
        {legend && <Legend />}
      </div>
    </aside>
  )
}
