/** Where an argument of the property ends, or what stands between elements. */
const OPENS = '[{('
const CLOSES = ']})'

/**
 * Steps of the smallest counterexample that fast-check printed: the elements of the longest list among its arguments, 1
 * when no argument is a list. Undefined when there is no counterexample.
 */
export function shrunkSteps(output: string): number | undefined {
  const text = /Counterexample: (.*)/.exec(output)?.[1]
  if (text === undefined) return undefined
  let [depth, quoted, longest] = [0, false, 0]
  /** Of the argument that is being read: whether it is a list, and what it has so far. */
  let [isList, elements, isEmpty] = [false, 0, true]
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? ''
    if (quoted) {
      if (letter === '\\') at++
      else if (letter === '"') quoted = false
      continue
    }
    if (letter === '"') quoted = true
    if (depth >= 2 && !CLOSES.includes(letter)) isEmpty = false
    if (OPENS.includes(letter)) {
      depth++
      if (depth === 2) [isList, elements, isEmpty] = [letter === '[', 0, true]
    } else if (CLOSES.includes(letter)) {
      if (depth === 2 && isList) longest = Math.max(longest, isEmpty ? 0 : elements + 1)
      depth--
    } else if (letter === ',' && depth === 2) elements++
  }
  return Math.max(1, longest)
}
