import * as v from 'valibot'
import { expectedBy } from './expected.ts'
import { MATRIX_SCHEMA } from './schema.ts'
import type { MatrixResults } from '@vmbus/report'

export type ResultsErrorCode = 'VMBUS_RESULTS_INVALID'

/** A file that holds something else than results of a run: `path` is where in the file, `value` what stands there. */
export class ResultsError extends Error {
  override readonly name = 'ResultsError'
  readonly code: ResultsErrorCode = 'VMBUS_RESULTS_INVALID'
  readonly file: string
  readonly path: string
  readonly value: unknown

  constructor(file: string, path: string, value: unknown, expected: string) {
    const shown = JSON.stringify(value) ?? 'nothing'
    super(`${file}: ${path === '' ? 'it' : path} is ${shown.slice(0, LONGEST)}, expected: ${expected}`)
    this.file = file
    this.path = path
    this.value = value
  }
}

const LONGEST = 200

/** Results as a file keeps them. */
export const resultsText = (results: MatrixResults): string => `${JSON.stringify(results)}\n`

/**
 * The results that a file holds, all of it looked at: its shape, every index into its lists, and every id. Throws ResultsError
 * (VMBUS_RESULTS_INVALID) for the first fault; `file` is what to call it.
 */
export function parseResults(text: string, file: string): MatrixResults {
  const parsed = v.safeParse(MATRIX_SCHEMA, jsonOf(text, file), { abortEarly: true })
  if (!parsed.success) {
    const [issue] = parsed.issues
    throw new ResultsError(file, v.getDotPath(issue) ?? '', issue.input, expectedBy(issue))
  }
  const fault = faults(parsed.output).next().value
  if (fault !== undefined) throw new ResultsError(file, ...fault)
  return parsed.output
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ResultsError(file, '', text.slice(0, LONGEST), 'JSON')
  }
}

type Fault = readonly [path: string, value: unknown, expected: string]

/** What no schema sees: lists that point at each other. */
function* faults(results: MatrixResults): Generator<Fault, undefined> {
  const { features, hosts, releases, cells, stories, reads, published } = results
  if (cells.length !== releases.length)
    yield ['cells', cells.length, `a row for each of the ${releases.length} releases`]
  const width = hosts.length * features.length
  for (const [r, row] of cells.entries()) {
    if (row.length !== width) yield [`cells.${r}`, row.length, `${width} cells, one for each host and feature`]
    const at = row.findIndex((index) => index >= stories.length)
    if (at >= 0) yield [`cells.${r}.${at}`, row[at], `below ${stories.length}, the number of stories`]
  }
  const executions = new Set(results.executions.map(({ id }) => id))
  const causes = new Set(results.causes.map(({ id }) => id))
  for (const [s, story] of stories.entries()) {
    const unread = story.reads.findIndex((index) => index >= reads.length)
    if (unread >= 0) yield [`stories.${s}.reads.${unread}`, story.reads[unread], `below ${reads.length}`]
    const unsaid = story.published.findIndex((index) => index >= published.length)
    if (unsaid >= 0) yield [`stories.${s}.published.${unsaid}`, story.published[unsaid], `below ${published.length}`]
    const { execution, cause } = story
    if (execution !== undefined && !executions.has(execution))
      yield [`stories.${s}.execution`, execution, 'the id of an execution of this file']
    if (cause !== undefined && !causes.has(cause)) yield [`stories.${s}.cause`, cause, 'the id of a cause of this file']
  }
  return undefined
}
