/** The state of the page, which is in the URL behind `#` alone. */
export interface Route {
  readonly view: View
  /** Slug of the release or id of the host that the view is about. */
  readonly id: string
  readonly query: Query
}

export const VIEWS = ['guest', 'host', 'differences', 'sure'] as const
type View = (typeof VIEWS)[number]

const KEYS = ['host', 'hosts', 'cell', 'family', 'group', 'sup', 'diff', 'all', 'kind', 'cause', 'theme'] as const
export type Query = Readonly<Partial<Record<(typeof KEYS)[number], string>>>

/** `#guest/rhel-7.9?host=ws2022&cell=rhel-7.9/ws2022/trim`; whatever is not known is left out. */
export function parseRoute(hash: string): Route {
  const [path = '', text = ''] = hash.replace(/^#\/?/, '').split('?')
  const [first, id = ''] = path.split('/')
  const said = new URLSearchParams(text)
  const query: Query = Object.fromEntries(
    KEYS.map((key) => [key, said.get(key) ?? ''] as const).filter(([, value]) => value !== ''),
  )
  return { view: VIEWS.find((view) => view === first) ?? 'guest', id: decoded(id), query }
}

export function formatRoute({ view, id, query }: Route): string {
  const said = new URLSearchParams()
  for (const key of KEYS) {
    const value = query[key]
    if (value !== undefined && value !== '') said.set(key, value)
  }
  const text = said.toString().replaceAll('%2F', '/')
  return `#${view}${id === '' ? '' : `/${encodeURIComponent(id)}`}${text === '' ? '' : `?${text}`}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
