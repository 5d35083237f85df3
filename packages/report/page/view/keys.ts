import { useEffect } from 'preact/hooks'
import { VIEWS } from '../model/route.ts'
import { go, linkTo, linkWith, type Page } from './page.ts'

/** The keys of the page: single letters, which do nothing while somebody types. */
export function useKeys(page: Page) {
  const { route } = page
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing = event.target instanceof Element && event.target.matches('input:not([type=checkbox]), select')
      if (typing || event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return
      const view = VIEWS[Number(event.key) - 1]
      if (view !== undefined) go(linkTo(route, view))
      else if (event.key === 'Escape' && route.query.cell !== undefined) close(page)
      else if (event.key === 'n') stepDifference(1)
      else if (event.key === 'p') stepDifference(-1)
      else if (event.key === 'c') document.querySelector<HTMLElement>('[data-copy]')?.click()
      else if (event.key === '/') document.querySelector<HTMLElement>('#search')?.focus()
      else return
      event.preventDefault()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  })
}

/** Closes the story; the focus is where it was, on the cell. */
export function close({ route }: Page) {
  go(linkWith(route, { cell: '' }))
  document.querySelector<HTMLElement>('.view td.c[tabindex]')?.focus()
}

/** Opens the next cell of this view, or the one before, where the page says otherwise. */
export function stepDifference(by: 1 | -1) {
  const cells = [...document.querySelectorAll<HTMLElement>('.view td.v-differs')]
  const here =
    document.querySelector('.view td.c[aria-selected="true"]') ?? document.querySelector('.view td.c[tabindex]')
  const before = cells.findLastIndex((cell) => cell !== here && (here === null || follows(here, cell)))
  const after = cells.findIndex((cell) => here === null || follows(cell, here))
  const next = by === 1 ? Math.max(0, after) : before
  cells.at(next)?.click()
}

/** Whether one element of the page comes after another. */
const follows = (later: Node, earlier: Node) =>
  (earlier.compareDocumentPosition(later) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0
