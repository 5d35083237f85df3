import type { Host, Release } from '../model/model.ts'
import { count } from '../model/names.ts'
import { linkTo, linkWith, PHONE, replace, useMedia, type Page } from './page.ts'
import { Search } from './search.tsx'

interface HeaderProps {
  readonly page: Page
  readonly release: Release
  readonly host: Host
}

export function Header({ page, release, host }: HeaderProps) {
  const { model, route } = page
  const phone = useMedia(PHONE)
  const views = [
    { view: 'guest', name: phone ? 'Guest' : 'I have this guest', id: route.view === 'guest' ? release.slug : '' },
    { view: 'host', name: phone ? 'Host' : 'I have this host', id: host.id },
    { view: 'differences', name: 'Differences', id: '', more: count(model.differing) },
    { view: 'sure', name: 'How sure', id: '' },
  ] as const
  return (
    <header class="top">
      {/* A first link that leaves the page: without one, axe takes every link within it for one that skips. */}
      <a class="word" href="https://github.com/vmbus/vmbus#readme">
        vmbus <span>matrix</span>
      </a>
      <nav class="views" aria-label="Views">
        {views.map((one) => (
          <a
            key={one.view}
            href={linkTo(route, one.view, one.id)}
            aria-current={one.view === route.view ? 'page' : undefined}
          >
            <span>{one.name}</span>
            {'more' in one && <b>{one.more}</b>}
          </a>
        ))}
      </nav>
      <Search page={page} placeholder={phone ? 'rhel 7.9 ws2022' : 'rhel 7.9 · ws2022 · rhel 7.9 ws2022 trim'} />
      <Theme page={page} />
    </header>
  )
}

function Theme({ page: { route } }: { page: Page }) {
  const system = useMedia('(prefers-color-scheme: dark)')
  const { theme = system ? 'dark' : 'light' } = route.query
  const other = theme === 'dark' ? 'light' : 'dark'
  return (
    <button type="button" class="icon" onClick={() => replace(linkWith(route, { theme: other }))}>
      {other === 'dark' ? 'Dark' : 'Light'}
      <span class="vh"> colours</span>
    </button>
  )
}
