const NOTHING = 'nothing'

/** The kind of a value, in words that a message can name: `a list of numbers`, `yes or no`, `{ framework: a list of numbers }`. */
function kindOf(value: unknown): string {
  if (value === undefined) return NOTHING
  if (typeof value === 'boolean') return 'yes or no'
  if (typeof value === 'string') return 'a text'
  if (typeof value === 'number') return 'a number'
  if (Array.isArray(value)) return listKind(value)
  if (typeof value !== 'object' || value === null) return typeof value
  const parts = Object.entries(value).map(([name, part]) => `${name}: ${kindOf(part)}`)
  return `{ ${parts.toSorted().join(', ')} }`
}

const EMPTY = 'an empty list'

function listKind(list: readonly unknown[]): string {
  const kinds = [...new Set(list.map(kindOf))]
  return kinds.length === 0 ? EMPTY : `a list of ${kinds.map((kind) => kind.replace(/^an? /, '')).join('s and ')}s`
}

/** What kind a value has to be of, where others of the same field are known; undefined: it is of one of theirs. */
export function otherKind(value: unknown, known: Iterable<unknown>): string | undefined {
  const kinds = new Set([...known].map(kindOf))
  // Versions of a component are there or not: who has no driver says nothing.
  if ([...kinds].some((each) => each.startsWith('{ framework: '))) kinds.add(NOTHING)
  const kind = kindOf(value)
  const isList = [...kinds].some((each) => each.startsWith('a list of '))
  if (kinds.has(kind) || (kind === EMPTY && isList) || kinds.size === 0) return undefined
  return [...kinds].toSorted().join(' or ')
}
