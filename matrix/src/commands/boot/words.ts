import { UsageError } from '../failure.ts'

const ESCAPED = /\\(.)/gs

/** Pieces of a word: in quotes of either kind, a character after a backslash, or plain. */
const PIECE = /^(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+))/s

/**
 * The words of a line as a shell splits them, without its variables: blanks part them; within quotes, and after a backslash,
 * a blank is a character like others. Throws UsageError for a quote that is not closed.
 */
export function wordsOf(line: string): string[] {
  const words: string[] = []
  let at = 0
  const skipBlanks = (): void => {
    while (/\s/.test(line[at] ?? '')) at++
  }
  for (skipBlanks(); at < line.length; skipBlanks()) {
    let word = ''
    while (at < line.length && !/\s/.test(line[at] ?? '')) {
      const match = PIECE.exec(line.slice(at))
      if (match === null) throw new UsageError(`a quote or backslash that nothing closes: ${line.slice(at)}`)
      const [whole, single, double, escaped, plain] = match
      word += single ?? double?.replace(ESCAPED, '$1') ?? escaped ?? plain ?? ''
      at += whole.length
    }
    words.push(word)
  }
  return words
}
