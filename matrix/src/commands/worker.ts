import { availableParallelism } from 'node:os'
import type { Runner } from '../runner.ts'
import type { Streams } from '../streams.ts'
import { queueOf, workersOf } from './arguments.ts'

/** Options of `vmbus worker` as they were typed. */
export interface WorkerFlags {
  readonly queue: string
  readonly workers?: string
}

interface WorkerContext {
  readonly runner: Runner
  readonly streams: Streams
  readonly signal: AbortSignal
}

/** Makes executions for the runs at a queue until it is interrupted. Throws UsageError, QueueError. */
export async function runWorker(flags: WorkerFlags, { runner, streams, signal }: WorkerContext): Promise<void> {
  const address = queueOf(flags.queue)
  const threads = flags.workers === undefined ? availableParallelism() : workersOf(flags.workers, 1)
  const tell = (line: string): void => streams.err(`vmbus: ${line}\n`)
  const done = await runner.serve({ address, threads, signal, tell })
  tell(`${done} executions made`)
}
