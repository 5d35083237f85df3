import * as v from 'valibot'
import { expectedBy } from './expected.ts'
import { readJson } from './json.ts'
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
    const shown = (JSON.stringify(value) ?? 'nothing').slice(0, LONGEST).replaceAll(INVISIBLE, '\u{fffd}')
    super(`${file}: ${path === '' ? 'it' : path} is ${shown}, expected: ${expected}`)
    this.file = file
    this.path = path
    this.value = value
  }
}

const LONGEST = 200
/** Characters beyond ASCII that a terminal takes for commands or ends of lines; JSON escapes the others. */
const INVISIBLE = /[\u007f-\u009f\u2028\u2029]/g

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
  const read = readJson(text)
  if ('value' in read && !('at' in read)) return read.value
  throw new ResultsError(file, read.at, read.value, read.expected)
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
  yield* twice(
    'features',
    features.map(({ id }) => id),
  )
  yield* twice(
    'hosts',
    hosts.map(({ id }) => id),
  )
  yield* twice(
    'releases',
    releases.map(({ key }) => key),
  )
  yield* twice(
    'executions',
    results.executions.map(({ id }) => id),
  )
  yield* twice(
    'causes',
    results.causes.map(({ id }) => id),
  )
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

/** What a list has twice cannot be told apart by those that name it. */
function* twice(list: string, ids: readonly string[]): Generator<Fault, undefined> {
  const seen = new Set<string>()
  for (const [at, id] of ids.entries()) {
    if (seen.has(id)) yield [`${list}.${at}`, id, 'what no other of the list is called']
    seen.add(id)
  }
  return undefined
}
