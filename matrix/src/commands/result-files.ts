import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { ResultsError, parseResults, resultsText } from '../results/file.ts'
import type { MatrixResults } from '@vmbus/report'
import { junitText, type IsFailure } from '../report/junit.ts'
import { OutputError, UsageError, reasonOf } from './failure.ts'
import { outputFile, type OutputFile } from './output-file.ts'

/** Files that a run is asked to leave, as the options name them. */
export interface ResultFiles {
  readonly json?: string
  readonly junit?: string
  readonly html?: string
}

export interface OpenFiles {
  /** Writes all of them; each appears whole or not at all. */
  write(results: MatrixResults, isFailure: IsFailure): Promise<void>
  /** Nothing appears. */
  drop(): Promise<void>
}

/** What makes the page of a run. */
export type PageOf = (results: MatrixResults) => string

/** Finds out before a run whether its files can be written. Throws UsageError. */
export async function openFiles(names: ResultFiles, pageOf: PageOf): Promise<OpenFiles> {
  const { json, junit, html } = names
  const asked = [json, junit, html].filter((name) => name !== undefined)
  if (new Set(asked).size < asked.length) throw new UsageError('--json, --junit and --html need a file each')
  const open: OutputFile[] = []
  const drop = async (): Promise<void> => {
    for (const file of open) await file.drop()
  }
  try {
    for (const name of asked) open.push(await outputFile(name))
  } catch (error) {
    await drop()
    throw error
  }
  return {
    drop,
    async write(results, isFailure) {
      const textOf = (name: string): string =>
        name === json ? resultsText(results) : name === junit ? junitText(results, isFailure) : pageOf(results)
      for (const file of open) {
        await writeFile(file.path, textOf(file.name)).catch((error: unknown) => {
          throw new OutputError(file.name, error)
        })
        await file.keep()
      }
    },
  }
}

/** Bytes of a file of results at most: a whole run of 472 releases takes 23 MB. */
const MOST_BYTES = 256 << 20

/**
 * The results in a file, which may be a pipe. Throws UsageError for one that cannot be read or does not end, ResultsError for
 * what is in it.
 */
export async function readResults(name: string): Promise<MatrixResults> {
  const bytes = await readAtMost(name, MOST_BYTES).catch((error: unknown) => {
    if (error instanceof UsageError) throw error
    throw new UsageError(`cannot read ${name}: ${reasonOf(error)}`)
  })
  return parseResults(textOf(bytes, name), name)
}

async function readAtMost(name: string, most: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of createReadStream(name)) {
    if (!Buffer.isBuffer(part)) continue
    size += part.length
    if (size > most) throw new UsageError(`cannot read ${name}: it is longer than ${most >>> 20} MiB`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function textOf(bytes: Buffer, name: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  throw new ResultsError(name, 'it', bytes.toString('latin1', 0, 40), 'text in UTF-8')
}
