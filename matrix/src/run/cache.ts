import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Execution, OUTCOMES } from '@vmbus/report'

/** Executions of earlier runs, by their id. */
export interface ExecutionCache {
  get(id: string): Execution | undefined
  /** Keeps it for the next run; `flush` writes what was put. */
  put(execution: Execution): void
  flush(): Promise<void>
}

const isExecution = (value: unknown): value is Execution =>
  typeof value === 'object' &&
  value !== null &&
  'id' in value &&
  typeof value.id === 'string' &&
  'outcome' in value &&
  OUTCOMES.some((outcome) => outcome === value.outcome) &&
  'runs' in value &&
  'transcript' in value

function parsed(text: string): readonly Execution[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value.filter(isExecution) : []
  } catch {
    // A file that was cut, or of something else: what is in it is run again.
    return []
  }
}

/** Files of other code that are kept: each has some 10 MB, and somebody who goes back and forth has a few. */
const KEPT = 8
const KEPT_DAYS = 30
const DAY = 86_400_000

/** Removes the files of other code that were not used for 30 days, or are beyond the 8 that were used last. */
async function prune(folder: string, path: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('executions-'))
  const files = await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name)
      return { file, used: (await stat(file)).mtimeMs }
    }),
  )
  const others = files.filter(({ file }) => file !== path).toSorted((one, other) => other.used - one.used)
  const gone = others.filter(({ used }, at) => at >= KEPT || Date.now() - used > KEPT_DAYS * DAY)
  await Promise.all(gone.map(({ file }) => rm(file, { force: true })))
}

/**
 * One file for each digest of the code, so that nothing is taken over from other sources. Executions that are errors are
 * not kept. Files of code that was not used for long are removed when one is written.
 */
export async function executionCache(folder: string, code: string): Promise<ExecutionCache> {
  const path = join(folder, `executions-${code.slice(0, 32)}.json`)
  const known = parsed(await readFile(path, 'utf8').catch(() => '[]'))
  // When it was used last. A folder that cannot be written is read all the same.
  await utimes(path, new Date(), new Date()).catch(() => {})
  const all = new Map(known.map((execution) => [execution.id, execution]))
  let isNew = false
  let isPruned = false
  let writing = Promise.resolve()

  async function write(): Promise<void> {
    if (!isNew) return
    isNew = false
    await mkdir(folder, { recursive: true })
    // A reader sees the old file or the whole new one.
    const own = `${path}.${process.pid}`
    await writeFile(own, JSON.stringify([...all.values()]))
    await rename(own, path)
    if (isPruned) return
    isPruned = true
    // Another process may have removed one first.
    await prune(folder, path).catch(() => {})
  }

  return {
    get: (id) => all.get(id),
    put(execution) {
      if (execution.outcome === 'error') return
      all.set(execution.id, execution)
      isNew = true
    },
    flush: () => (writing = writing.catch(() => {}).then(write)),
  }
}
