import { Worker } from 'node:worker_threads'
import type { Execution } from '@vmbus/report'
import type { Task } from './plan.ts'
import { undone } from './task.ts'

export interface PoolOptions {
  readonly workers: number
  readonly signal?: AbortSignal | undefined
  /** Milliseconds after which a thread that does not answer is ended; default 300,000. */
  readonly patience?: number
  finished(execution: Execution): void
}

const PATIENCE = 300_000
/** A real kernel has the time of so many simulated guests. */
const REAL_PATIENCE = 6

const isExecution = (value: unknown): value is Execution =>
  typeof value === 'object' && value !== null && 'id' in value && 'outcome' in value

/** Room for young values: saved states are large and die soon, and with V8's 48 MiB a run of all takes a tenth longer. */
const resourceLimits = { maxYoungGenerationSizeMb: 64 }

/** From the sources, as in this repository, a thread first needs the loader that runs them. */
function newWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), { resourceLimits })
  const [loader, worker] = ['tsx/esm/api', './worker.ts'].map((name) => JSON.stringify(import.meta.resolve(name)))
  const source = `import(${loader}).then(({ register }) => (register(), import(${worker})))`
  return new Worker(source, { eval: true, execArgv: ['-C', '@vmbus/source'], resourceLimits })
}

/** One task by one thread: its execution, why there is none, or undefined where the signal says not to wait for it. */
function ask(
  worker: Worker,
  task: Task,
  patience: number,
  signal: AbortSignal,
): Promise<Execution | string | undefined> {
  return new Promise((resolve) => {
    const limit = task.kernel === undefined ? patience : patience * REAL_PATIENCE
    const timer = setTimeout(() => end('no answer in time'), limit)
    const stop = (): void => end(undefined)
    function end(answer: Execution | string | undefined): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      worker.removeAllListeners('message').removeAllListeners('error').removeAllListeners('exit')
      // What a thread that is given up says yet is nobody's failure.
      worker.on('error', () => {})
      resolve(answer)
    }
    worker.on('message', (answer: unknown) =>
      end(isExecution(answer) ? answer : 'a thread gave something else than an execution'),
    )
    worker.on('error', (error) => end(error instanceof Error ? error.message : String(error)))
    worker.on('exit', (code) => end(`a thread ended with code ${code}`))
    signal.addEventListener('abort', stop)
    worker.postMessage(task)
  })
}

/** A thread of its own, which begins with its first task. */
export interface Thread {
  /** The execution of a task, one at a time; undefined where the signal says not to wait for it. Nothing is thrown. */
  run(task: Task, signal: AbortSignal): Promise<Execution | undefined>
  end(): void
}

/** What it cannot do, or does not answer within `patience` milliseconds, is an error of the task, and another takes its place. */
export function newThread(patience = PATIENCE): Thread {
  let worker: Worker | undefined
  const end = (): void => {
    void worker?.terminate()
    worker = undefined
  }
  return {
    async run(task, signal) {
      worker ??= newWorker()
      const answer = await ask(worker, task, patience, signal)
      if (typeof answer !== 'string') return answer
      end()
      return undone(task, answer)
    },
    end,
  }
}

/** Runs tasks on threads, each the next one when it has ended one, until all are done or the signal says so. */
export async function runPool(tasks: readonly Task[], options: PoolOptions): Promise<void> {
  const { workers, patience, finished } = options
  const failed = new AbortController()
  const signal = options.signal === undefined ? failed.signal : AbortSignal.any([failed.signal, options.signal])
  const queue = tasks.values()

  async function work(): Promise<void> {
    const thread = newThread(patience)
    try {
      for (const task of queue) {
        if (signal.aborted) return
        const execution = await thread.run(task, signal)
        if (execution === undefined) return
        finished(execution)
      }
    } catch (error) {
      failed.abort()
      throw error
    } finally {
      thread.end()
    }
  }

  await Promise.all(Array.from({ length: Math.min(workers, tasks.length) }, work))
}
