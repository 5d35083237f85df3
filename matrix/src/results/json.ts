/** Where in a text JSON is not what it should be. */
export interface JsonFault {
  readonly at: string
  readonly value: unknown
  readonly expected: string
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/** Where JSON.parse stopped, as far as what it throws says so. */
function positionOf(error: unknown, text: string): number | undefined {
  const message = error instanceof Error ? error.message : ''
  if (/end of JSON|Unterminated/.test(message)) return text.length
  const [, at] = /at position (\d+)/.exec(message) ?? []
  return at === undefined ? undefined : Number(at)
}

const AROUND = 40

/** The value of a text, or where it is no JSON, or names something twice in one object, which JSON.parse takes silently. */
export function readJson(text: string): { readonly value: unknown } | JsonFault {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const position = positionOf(error, text)
    const rest = text.slice(position ?? 0, (position ?? 0) + AROUND)
    return {
      at: position === undefined ? '' : `character ${position} of ${text.length}`,
      value: rest === '' ? 'the end of the file' : rest,
      expected: 'JSON',
    }
  }
  // What is written as it would be written again has each name once: most files have been written by JSON.stringify.
  if (JSON.stringify(value) === text.trimEnd()) return { value }
  const twice = namedTwice(text)
  return twice === undefined ? { value } : { at: twice, value: 'there twice', expected: 'each name once' }
}

/** The path of the first name that an object has twice. The text is JSON. */
function namedTwice(text: string): string | undefined {
  const open: { readonly names: Set<string> | undefined; step: string | number }[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKEN)) {
    const here = open.at(-1)
    if (token === '{' || token === '[') open.push({ names: token === '{' ? new Set() : undefined, step: 0 })
    else if (token === '}' || token === ']') open.pop()
    else if (token === ',' && typeof here?.step === 'number') here.step++
    else if (token === ':' && here?.names !== undefined) {
      const name: unknown = JSON.parse(last)
      here.step = String(name)
      if (here.names.has(here.step)) return open.map(({ step }) => step).join('.')
      here.names.add(here.step)
    }
    last = token
  }
  return undefined
}
