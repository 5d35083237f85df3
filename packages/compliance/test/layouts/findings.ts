import { compareOurs, compareSame } from './compare.ts'
import type { Entry } from './entry.ts'
import type { Reference } from './reference.ts'

/** What is wrong with an entry of the map; nothing when it holds. */
export function findings(reference: Reference, name: string, entry: Entry): readonly string[] {
  if (!reference[name]) return ['the reference does not have it']
  if ('layout' in entry) return compareOurs(reference, name, entry)
  if ('sameAs' in entry) return compareSame(reference, name, entry)
  if ('disagrees' in entry && !/^wire\/\d\d §\d+(\.\d+)?$/.test(entry.disagrees))
    return [`${entry.disagrees} is no section of the wire reference`]
  return []
}
