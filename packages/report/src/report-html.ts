import { readFileSync } from 'node:fs'
import { pack } from './packed.ts'
import type { MatrixResults } from './results/results.ts'

/** Where the page keeps its results, and the end of it. */
const OPENING = '<script id="results" type="application/json">'
const CLOSING = '</script>'

/**
 * One HTML file that shows a run: data, style and script within, nothing fetched, nothing stored. The same results give the
 * same file, byte for byte.
 */
export function reportHtml(results: MatrixResults): string {
  const page = readFileSync(new URL('../data/index.html', import.meta.url), 'utf8')
  const [before, after, ...more] = page.split(OPENING + CLOSING)
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error('data/index.html of @vmbus/report does not have one place for results')
  // In a script element only `<` can end it or begin a comment. JSON has it in strings alone, which may say it otherwise.
  const data = JSON.stringify(pack(results)).replaceAll('<', String.raw`\u003c`)
  return [before, OPENING, data, CLOSING, after].join('')
}
