import type { CauseRule, Difference } from './cause.ts'
import type { ReadField } from '@vmbus/report'
import { decidingOf, weOf } from './fits.ts'

const rests =
  (basis: ReadField['basis']) =>
  ({ story }: Difference): boolean =>
    weOf(story) !== undefined && decidingOf(story).some((read) => read.of === 'guest' && read.basis === basis)

/**
 * Differences that rest on a value which nobody read: the page may be right, and it is for us to find out. They come last, so
 * that they explain nothing that a closer cause does.
 */
export const WEAK_VALUES: readonly CauseRule[] = [
  {
    id: 'guest-inferred',
    text: 'No tree of this release was read: the value that decides is concluded from a neighbouring release. The page may well be right.',
    source: 'the source of the deciding field, which names what it follows from',
    kind: 'our-bug',
    explains: rests('inferred'),
  },
  {
    id: 'inside-bracket',
    text: 'The value that decides lies between two trees that were read, and the one that is meant was not. The change may fall on either side, so the page may be right.',
    source: 'the two trees of the bracket of the deciding field',
    kind: 'our-bug',
    explains: rests('bracketed'),
  },
]
