import type { Outcome } from '../../src/results/vocabulary.ts'
import type { Model, Place } from '../model/model.ts'
import { cellSentence } from '../model/words.ts'

/** Shape, ground and corner of a story, as classes of the style sheet. */
export function marksOf(model: Model, place: Place): string {
  const { outcome, evidence, verdict } = model.storyAt(place)
  return `o-${outcome} e-${evidence} v-${verdict}`
}

interface CellProps {
  readonly model: Model
  readonly place: Place
  readonly reachable?: boolean
  readonly selected?: boolean
  readonly extra?: string
}

/**
 * A cell of a grid, which says in words what it shows. A page has ten thousand: each has its class and its words, and what
 * else it needs only where it differs from the others.
 */
export const Cell = ({ model, place, reachable = false, selected = false, extra = '' }: CellProps) => (
  <td
    class={`c ${marksOf(model, place)}${extra}`}
    aria-label={cellSentence(model, place)}
    {...(reachable ? { tabIndex: 0 } : {})}
    {...(selected ? { 'aria-selected': true } : {})}
  />
)

/** A cell's look outside of a grid, hidden from those who hear the page. */
export const Mark = ({ outcome, extra = '' }: { outcome?: Outcome; extra?: string }) => (
  <span class={`k ${outcome === undefined ? '' : `o-${outcome}`} ${extra}`} aria-hidden="true" />
)
