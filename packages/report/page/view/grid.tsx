import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { moved, type Spot } from '../model/grid-keys.ts'
import type { Model, Place } from '../model/model.ts'
import { placeName } from '../model/place.ts'
import { cellMarkup } from './cell.ts'
import { element } from './markup.ts'
import { go, linkWith, type Page } from './page.ts'

export interface GridRow {
  /** Begins a group of rows; HTML, as all of a row is. */
  readonly group?: string
  readonly head: string
  readonly places: readonly Place[]
  /** Whether the cell that is open belongs to this row. */
  holds(place: Place): boolean
}

interface GridProps {
  readonly page: Page
  readonly kind: 'guest' | 'host'
  readonly label: string
  readonly head: ComponentChildren
  readonly rows: readonly GridRow[]
  /** Columns before the cells. */
  readonly lead: number
  /** Classes of a column. */
  readonly column: readonly string[]
  readonly open: Place | undefined
  readonly style?: Record<string, string | number>
}

/** A table whose cells the arrow keys reach: one stop for Tab. */
export function Grid({ page, kind, label, head, rows, lead, column, open, style }: GridProps) {
  const table = useRef<HTMLTableElement>(null)
  const size = { row: rows.length, column: column.length }
  const markup = useMemo(() => markupOf(page.model, rows, lead, column), [page.model, rows])
  const opened = useMemo(() => spotOf(rows, open), [rows, open])
  const [wanted, setActive] = useState<Spot>(opened ?? { row: 0, column: 0 })
  const moving = useRef(false)
  const active = { row: Math.min(wanted.row, size.row - 1), column: Math.min(wanted.column, size.column - 1) }

  useLayoutEffect(() => {
    if (opened !== undefined) setActive(opened)
  }, [opened])
  useLayoutEffect(() => marked(table.current, active, 'tabindex', '0'), [markup, active.row, active.column])
  useLayoutEffect(() => opened && marked(table.current, opened, 'aria-selected', 'true'), [markup, opened])
  useLayoutEffect(() => {
    if (moving.current) cellAt(table.current, active)?.focus()
    moving.current = false
  })
  // After the page has made room for the story.
  useEffect(() => {
    if (opened !== undefined) cellAt(table.current, opened)?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [opened])

  const moveTo = (spot: Spot) => {
    moving.current = true
    setActive({ ...spot })
  }
  const openAt = (spot: Spot) => {
    const place = rows[spot.row]?.places[spot.column]
    if (place !== undefined) openPlace(page, place)
  }
  const pressed = (event: KeyboardEvent) => {
    if (spotIn(event.target, lead) === undefined) return
    const next = moved(active, event.key, event.ctrlKey, size)
    if (next !== undefined) moveTo(next)
    else if (event.key === 'Enter' || event.key === ' ') openAt(active)
    else return
    event.preventDefault()
  }
  return (
    <table
      ref={table}
      class={`g ${kind}`}
      role="grid"
      aria-label={label}
      style={style}
      onKeyDown={pressed}
      onClick={({ target }) => {
        const spot = spotIn(target, lead)
        if (spot === undefined) return
        moveTo(spot)
        openAt(spot)
      }}
    >
      {head}
      <tbody dangerouslySetInnerHTML={{ __html: markup }} />
    </table>
  )
}

/** All rows, which stay as they are: a key that moves through them changes two attributes. */
function markupOf(model: Model, rows: readonly GridRow[], lead: number, column: readonly string[]): string {
  const cell = cellMarkup(model)
  const groupOf = (group: string) =>
    element('tr', { class: 'grp' }, element('th', { colspan: column.length + lead, scope: 'rowgroup' }, group))
  return rows
    .map(({ group, head, places }, at) => {
      const cells = places.map((place, index) => cell(place, column[index] ?? '')).join('')
      return (group === undefined ? '' : groupOf(group)) + element('tr', { 'data-row': at }, head + cells)
    })
    .join('')
}

/** Sets an attribute of a cell until another has it. */
function marked(table: HTMLTableElement | null, spot: Spot, name: string, value: string) {
  const cell = cellAt(table, spot)
  cell?.setAttribute(name, value)
  return () => cell?.removeAttribute(name)
}

function spotOf(rows: readonly GridRow[], open: Place | undefined): Spot | undefined {
  if (open === undefined) return undefined
  const row = rows.findIndex((one) => one.holds(open))
  const column =
    rows[row]?.places.findIndex(({ host, feature }) => host === open.host && feature === open.feature) ?? -1
  return column < 0 ? undefined : { row, column }
}

const cellAt = (table: HTMLTableElement | null, { row, column }: Spot) =>
  table?.querySelectorAll<HTMLElement>(`tr[data-row="${row}"] > .c`)[column]

/** The cell of the grid in which an event happened. */
function spotIn(target: EventTarget | null, lead: number): Spot | undefined {
  const cell = target instanceof Element ? target.closest<HTMLTableCellElement>('td.c') : null
  const row = cell?.parentElement?.dataset['row']
  return cell === null || row === undefined ? undefined : { row: Number(row), column: cell.cellIndex - lead }
}

export const openPlace = ({ route }: Page, place: Place) => go(linkWith(route, { cell: placeName(place) }))
