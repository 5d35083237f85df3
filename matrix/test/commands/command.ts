import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MatrixResults } from '@vmbus/report'
import { afterEach, beforeEach } from 'vitest'
import { runCommand } from '../../src/main.ts'
import { parseResults } from '../../src/results/file.ts'
import type { Runner } from '../../src/runner.ts'
import { fakeRunner } from './fake-runner.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

type Tools = NonNullable<Parameters<typeof runCommand>[3]>

/** The command with these tools: how it ended, and what it said. */
export async function ran(argv: readonly string[], tools: Tools, signal = new AbortController().signal): Promise<Ran> {
  let [out, err] = ['', '']
  const streams = { out: (part: string) => void (out += part), err: (part: string) => void (err += part) }
  const code = await runCommand(argv, streams, signal, tools)
  return { code, out, err }
}

/** The same with one runner, and a page that says no more than its seed. */
export const runWith = (runner: Runner, argv: readonly string[], signal?: AbortSignal): Promise<Ran> =>
  ran(argv, { runnerOf: () => Promise.resolve(runner), pageOf: ({ seed }) => `<html>seed ${seed}</html>` }, signal)

/** The same with the runner that boots nothing. */
export const run = (...argv: readonly string[]): Promise<Ran> => runWith(fakeRunner(), argv)

/** Guests, hosts and features of a run of 18 cells and nine executions. */
export const THREE = [
  '--release',
  'rhel 6.4,rhel 7.8,RHEL7.9',
  '--host',
  '2008r2,2012r2,ws2022',
  '--feature',
  'trim,kvp',
]

/** A folder of its own for each test. */
export function ownFolder() {
  let folder = ''
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'vmbus-matrix-'))))
  afterEach(() => rmSync(folder, { recursive: true }))
  const file = (name: string): string => join(folder, name)
  return {
    file,
    results: (name: string): MatrixResults => parseResults(readFileSync(file(name), 'utf8'), name),
  }
}
