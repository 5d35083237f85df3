import type { StoredStory } from '../../src/results/results.ts'
import type { Model, Place } from '../model/model.ts'
import { placeWords, storyWords } from '../model/words.ts'
import { escaped } from './markup.ts'

/** Shape, ground and corner of a story, as classes of the style sheet. */
export const marksOf = ({ outcome, evidence, verdict }: StoredStory) => `o-${outcome} e-${evidence} v-${verdict}`

/**
 * Draws cells of a grid, each of which says in words what it shows. A page has ten thousand: as HTML they are there in a fifth of
 * the time that elements made one by one take, and what many of them show is put into words once.
 */
export function cellMarkup(model: Model): (place: Place, extra: string) => string {
  const known = new Map<StoredStory, { readonly marks: string; readonly words: string }>()
  return (place, extra) => {
    const story = model.storyAt(place)
    const told = known.get(story) ?? { marks: marksOf(story), words: escaped(storyWords(model, story)) }
    known.set(story, told)
    return `<td class="c ${told.marks}${extra}" aria-label="${escaped(placeWords(place))}: ${told.words}"></td>`
  }
}
