import { useEffect, useState } from 'preact/hooks'
import type { Model } from '../model/model.ts'
import { formatRoute, parseRoute, type Query, type Route } from '../model/route.ts'

/** What every part of the page is drawn from. */
export interface Page {
  readonly model: Model
  readonly route: Route
}

/** The route in the URL, followed. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const follow = () => setHash(location.hash)
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return parseRoute(hash)
}

/** A link that keeps the theme. */
export const linkTo = ({ query: { theme } }: Route, view: Route['view'], id = '', query: Query = {}) =>
  formatRoute({ view, id, query: { ...query, ...(theme === undefined ? {} : { theme }) } })

/** The same view with other settings. */
export const linkWith = (route: Route, query: Query) => formatRoute({ ...route, query: { ...route.query, ...query } })

/** An entry in the history; followed at once, so that the next key meets what this one opened. */
export function go(hash: string) {
  if (hash === location.hash) return
  history.pushState(undefined, '', hash)
  dispatchEvent(new HashChangeEvent('hashchange'))
}

/** Without an entry in the history, for what nobody wants to go back to. */
export function replace(hash: string) {
  history.replaceState(undefined, '', hash)
  dispatchEvent(new HashChangeEvent('hashchange'))
}

export function useMedia(query: string): boolean {
  const list = matchMedia(query)
  const [matches, setMatches] = useState(list.matches)
  useEffect(() => {
    const follow = () => setMatches(list.matches)
    follow()
    list.addEventListener('change', follow)
    return () => list.removeEventListener('change', follow)
  }, [query])
  return matches
}

/** Paper is narrow, but no phone. */
export const NARROW = 'screen and (max-width: 1180px)'
export const PHONE = 'screen and (max-width: 760px)'
