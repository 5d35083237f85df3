import { readFileSync } from 'node:fs'
import { pack } from './packed.ts'
import type { MatrixResults } from './results/results.ts'

/**
 * One HTML file that shows a run: data, style and script within, nothing fetched, nothing stored. The same results give the
 * same file, byte for byte.
 */
export function reportHtml(results: MatrixResults): string {
  const page = readFileSync(new URL('../data/index.html', import.meta.url), 'utf8')
  const packed = pack(results)
  return filled(filled(page, 'results', packed.results), 'details', packed.details)
}

/** The page with data in the script element that waits for them. */
function filled(page: string, id: string, data: object): string {
  const opening = `<script id="${id}" type="application/json">`
  const closing = '</script>'
  const [before, after, ...more] = page.split(opening + closing)
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`data/index.html of @vmbus/report does not have one place for ${id}`)
  // In a script element only `<` can end it or begin a comment. JSON has it in strings alone, which may say it otherwise.
  const text = JSON.stringify(data).replaceAll('<', String.raw`\u003c`)
  return [before, opening, text, closing, after].join('')
}
