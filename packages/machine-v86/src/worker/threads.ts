import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'

/**
 * Threads that wait for their next guest, as `threads` of several boots. A guest that goes on in the thread of another finds its
 * host's modules loaded and compiled, which is a second of CPU; what such a module keeps at its top level outlives a guest.
 */
export interface GuestThreads extends AsyncDisposable {
  /** Takes a thread that was begun in this way, if one waits. */
  take(begunAs: string): Worker | undefined
  /** Lets a thread whose host is closed wait; false when enough do. */
  keep(begunAs: string, worker: Worker): boolean
  /** Ends those that wait. */
  [Symbol.asyncDispose](): Promise<void>
}

/** So many threads wait at most; default: one for each processor. A thread that waits keeps no process alive. */
export function guestThreads({ idle = availableParallelism() }: { readonly idle?: number } = {}): GuestThreads {
  const waiting = new Map<Worker, { readonly begunAs: string; readonly gone: () => void }>()
  const leave = (worker: Worker): void => {
    const { gone } = waiting.get(worker) ?? {}
    waiting.delete(worker)
    if (gone !== undefined) worker.off('error', gone).off('exit', gone)
  }
  return {
    take(begunAs) {
      const [worker] = [...waiting].find(([, each]) => each.begunAs === begunAs) ?? []
      if (worker !== undefined) leave(worker)
      return worker
    },
    keep(begunAs, worker) {
      if (waiting.size >= idle) return false
      const gone = (): void => leave(worker)
      waiting.set(worker, { begunAs, gone })
      worker.on('error', gone).on('exit', gone).unref()
      return true
    },
    async [Symbol.asyncDispose]() {
      const workers = [...waiting.keys()]
      waiting.clear()
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}
