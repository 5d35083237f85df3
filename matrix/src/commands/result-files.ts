import { readFile, writeFile } from 'node:fs/promises'
import { parseResults, resultsText } from '../results/file.ts'
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

/** The results in a file. Throws UsageError for one that cannot be read, ResultsError for what is in it. */
export async function readResults(name: string): Promise<MatrixResults> {
  const text = await readFile(name, 'utf8').catch((error: unknown) => {
    throw new UsageError(`cannot read ${name}: ${reasonOf(error)}`)
  })
  return parseResults(text, name)
}
