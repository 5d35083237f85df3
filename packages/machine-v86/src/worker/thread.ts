import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { MachineError, reasonOf } from '../errors.ts'
import type { NextGuest, WorkerStart } from './protocol.ts'
import type { GuestThreads } from './threads.ts'

/** A thread that serves a guest. */
export interface Thread {
  readonly worker: Worker
  /** Ends it, or lets it wait for the next guest when nothing failed in it. */
  leave(isSound: boolean): Promise<void>
}

/** Begins with a thread that waits, or with a new one. Throws VMBUS_MACHINE_OPTIONS for what cannot cross to a thread. */
export function beginThread(start: WorkerStart, threads: GuestThreads | undefined): Thread {
  const begun = begunBy(start)
  const begunAs = String(begun.code)
  const waiting = threads?.take(begunAs)
  try {
    waiting?.postMessage({ method: 'start', start } satisfies NextGuest)
  } catch (cause) {
    if (waiting !== undefined && threads?.keep(begunAs, waiting) !== true) void waiting.terminate()
    throw notPlain(cause)
  }
  waiting?.ref()
  const worker = waiting ?? newWorker(begun.code, { ...begun.options, workerData: start })
  return {
    worker,
    async leave(isSound) {
      if (!isSound || threads?.keep(begunAs, worker) !== true) await worker.terminate()
    },
  }
}

function newWorker(code: string | URL, options: WorkerOptions): Worker {
  try {
    return new Worker(code, options)
  } catch (cause) {
    throw notPlain(cause)
  }
}

const notPlain = (cause: unknown): MachineError =>
  new MachineError(
    'VMBUS_MACHINE_OPTIONS',
    `the options of the machine are no plain values: ${reasonOf(cause)}`,
    {},
    cause,
  )

/**
 * Sources of this package, and a host module in TypeScript, are loaded through tsx where it is installed; Node from 22.18 on
 * can do without. Once built, a worker is plain JavaScript.
 */
function begunBy(start: WorkerStart): { readonly code: string | URL; readonly options: WorkerOptions } {
  const isSource = import.meta.url.endsWith('.ts')
  const entry = isSource ? new URL('./entry.ts', import.meta.url) : new URL('./entry.js', import.meta.url)
  const typescript = isSource ? import.meta.url : start.host?.module.endsWith('.ts') ? start.host.module : undefined
  const loader = typescript === undefined ? undefined : loaderFor(typescript)
  if (loader === undefined) return { code: entry, options: {} }
  const code = `import(${JSON.stringify(loader)}).then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}) })`
  return { code, options: { eval: true, ...(isSource && { execArgv: ['--conditions=@vmbus/source'] }) } }
}

/** The module form of tsx, as the module at the URL finds it: the CommonJS form does not register itself in a worker. */
function loaderFor(module: string): string | undefined {
  try {
    const manifest = createRequire(module).resolve('tsx/package.json')
    return pathToFileURL(join(dirname(manifest), 'dist/esm/api/index.mjs')).href
  } catch {
    return undefined
  }
}
