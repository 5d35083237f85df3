import type { ComponentChildren } from 'preact'
import type { Place } from '../model/model.ts'
import { cellSentence } from '../model/words.ts'
import { marksOf } from './cell.ts'
import { openPlace } from './grid.tsx'
import type { Page } from './page.ts'

interface SmallGridProps {
  readonly page: Page
  readonly kind: 'near' | 'mini'
  readonly label: string
  readonly columns: readonly string[]
  readonly rows: readonly {
    readonly key: string
    readonly head: ComponentChildren
    readonly places: readonly Place[]
  }[]
  readonly lead: number
  readonly open?: Place
}

/** Some cells out of the grids, each a link to its story. */
export function SmallGrid({ page, kind, label, columns, rows, lead, open }: SmallGridProps) {
  return (
    <table class={kind} role="grid" aria-label={label}>
      <thead>
        <tr>
          <td colSpan={lead} />
          {columns.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, head, places }) => (
          <tr key={key}>
            {head}
            {places.map((place) => (
              <td
                key={place.host.id}
                class={`c ${marksOf(page.model.storyAt(place))}`}
                tabIndex={0}
                aria-label={cellSentence(page.model, place)}
                {...(place.release === open?.release && place.host === open.host ? { 'aria-selected': true } : {})}
                onClick={() => openPlace(page, place)}
                onKeyDown={(event) => {
                  if (event.key !== 'Enter' && event.key !== ' ') return
                  event.preventDefault()
                  openPlace(page, place)
                }}
              />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
