import type { CauseRule, Difference } from './cause.ts'
import type { ReadField } from '@vmbus/report'
import { weOf } from './fits.ts'

/** The field that decided, or where none did, every field that was read. */
function deciding({ story }: Difference): readonly ReadField[] {
  const { decidedBy, reads } = story
  if (decidedBy === undefined) return reads
  return reads.filter(({ of, field }) => of === decidedBy.of && field === decidedBy.field)
}

const rests =
  (of: ReadField['of'], basis: ReadField['basis']) =>
  (difference: Difference): boolean =>
    weOf(difference.story) !== undefined && deciding(difference).some((read) => read.of === of && read.basis === basis)

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
    explains: rests('guest', 'inferred'),
  },
  {
    id: 'inside-bracket',
    text: 'The value that decides lies between two trees that were read, and the one that is meant was not. The change may fall on either side, so the page may be right.',
    source: 'the two trees of the bracket of the deciding field',
    kind: 'our-bug',
    explains: rests('guest', 'bracketed'),
  },
  {
    id: 'host-inferred',
    text: 'What this host speaks is concluded, not read: no source names it for its build. The page may well be right.',
    source: 'the source of the deciding field of the host, which names what it follows from',
    kind: 'our-bug',
    explains: rests('host', 'inferred'),
  },
]
