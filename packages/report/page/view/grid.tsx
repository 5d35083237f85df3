import { Component, type ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { moved, type Spot } from '../model/grid-keys.ts'
import type { Model, Place } from '../model/model.ts'
import { placeName } from '../model/place.ts'
import { Cell } from './cell.tsx'
import { go, linkWith, type Page } from './page.ts'

export interface GridRow {
  readonly key: string
  /** Begins a group of rows. */
  readonly group?: ComponentChildren
  readonly head: ComponentChildren
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
  const opened = useMemo(() => spotOf(rows, open), [rows, open])
  const [wanted, setActive] = useState<Spot>(opened ?? { row: 0, column: 0 })
  const moving = useRef(false)
  const active = { row: Math.min(wanted.row, size.row - 1), column: Math.min(wanted.column, size.column - 1) }

  useLayoutEffect(() => {
    if (opened !== undefined) setActive(opened)
  }, [opened])
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
      <tbody>
        {rows.map((row, at) => (
          <Row
            key={row.key}
            model={page.model}
            row={row}
            at={at}
            span={size.column + lead}
            column={column}
            active={active.row === at ? active.column : -1}
            opened={opened?.row === at ? opened.column : -1}
          />
        ))}
      </tbody>
    </table>
  )
}

interface RowProps {
  readonly model: Model
  readonly row: GridRow
  readonly at: number
  readonly span: number
  readonly column: readonly string[]
  readonly active: number
  readonly opened: number
}

/** Drawn again only when something of it changes: an arrow key touches two rows of some hundreds. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps) {
    return (Object.keys(next) as (keyof RowProps)[]).some((key) => next[key] !== this.props[key])
  }

  override render({ model, row, at, span, column, active, opened }: RowProps) {
    return (
      <>
        {row.group !== undefined && (
          <tr class="grp">
            <th colSpan={span} scope="rowgroup">
              {row.group}
            </th>
          </tr>
        )}
        <tr data-row={at}>
          {row.head}
          {row.places.map((place, index) => (
            <Cell
              key={index}
              model={model}
              place={place}
              reachable={active === index}
              selected={opened === index}
              extra={column[index] ?? ''}
            />
          ))}
        </tr>
      </>
    )
  }
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
