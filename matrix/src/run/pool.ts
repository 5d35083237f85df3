import { Worker } from 'node:worker_threads'
import type { Execution } from '../results/execution.ts'
import type { Task } from './plan.ts'

export interface PoolOptions {
  readonly workers: number
  readonly signal?: AbortSignal | undefined
  /** Milliseconds after which a thread that does not answer is ended: its guest turns in a circle within one step. */
  readonly patience?: number
  finished(execution: Execution): void
}

const PATIENCE = 300_000

const isExecution = (value: unknown): value is Execution =>
  typeof value === 'object' && value !== null && 'id' in value && 'outcome' in value

const hung = ({ id, probe, seed }: Task): Execution => ({
  id,
  probe,
  outcome: 'guest-hung',
  reason: 'one step of the guest has no end',
  seed,
  runs: 0,
  bytes: 0,
  transcript: '',
})

/** From the sources, as in this repository, a thread first needs the loader that runs them. */
function newWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url))
  const [loader, worker] = ['tsx/esm/api', './worker.ts'].map((name) => JSON.stringify(import.meta.resolve(name)))
  const source = `import(${loader}).then(({ register }) => (register(), import(${worker})))`
  return new Worker(source, { eval: true, execArgv: ['-C', '@vmbus/source'] })
}

/** One task by one thread; what the thread cannot do is the task's failure. */
function ask(worker: Worker, task: Task, patience: number): Promise<Execution | 'silent'> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve('silent'), patience)
    const done = (): void => {
      clearTimeout(timer)
      worker.removeAllListeners('message').removeAllListeners('error')
    }
    worker.on('message', (answer: unknown) => {
      done()
      if (isExecution(answer)) resolve(answer)
      else reject(new Error('a thread gave something else than an execution'))
    })
    worker.on('error', (error) => {
      done()
      reject(error)
    })
    worker.postMessage(task)
  })
}

/** Runs tasks on threads, each the next one when it has ended one, until all are done or the signal says so. */
export async function runPool(tasks: readonly Task[], options: PoolOptions): Promise<void> {
  const { workers, signal, patience = PATIENCE, finished } = options
  const queue = tasks.values()

  async function work(): Promise<void> {
    let worker = newWorker()
    const stop = (): void => void worker.terminate()
    try {
      for (const task of queue) {
        if (signal?.aborted) break
        const answer = await ask(worker, task, patience)
        finished(answer === 'silent' ? hung(task) : answer)
        if (answer !== 'silent') continue
        stop()
        worker = newWorker()
      }
    } finally {
      stop()
    }
  }

  await Promise.all(Array.from({ length: Math.min(workers, tasks.length) }, work))
}
