import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
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

/**
 * One file for each digest of the code, so that nothing is taken over from other sources. Executions that are errors are
 * not kept.
 */
export async function executionCache(folder: string, code: string): Promise<ExecutionCache> {
  const path = join(folder, `executions-${code.slice(0, 32)}.json`)
  const known = parsed(await readFile(path, 'utf8').catch(() => '[]'))
  const all = new Map(known.map((execution) => [execution.id, execution]))
  let isNew = false
  let writing = Promise.resolve()

  async function write(): Promise<void> {
    if (!isNew) return
    isNew = false
    await mkdir(folder, { recursive: true })
    // A reader sees the old file or the whole new one.
    const own = `${path}.${process.pid}`
    await writeFile(own, JSON.stringify([...all.values()]))
    await rename(own, path)
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
