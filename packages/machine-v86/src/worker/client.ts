import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { MachineError, abortedBy, reasonOf, throwIfAborted } from '../errors.ts'
import type { HostEvent } from '../session-types.ts'
import { revived } from './plain-error.ts'
import type { Close, MethodName, Methods, Reply, Request, WorkerStart } from './protocol.ts'

/** The main thread's end of a machine's worker. */
export interface WorkerClient {
  /** Rejects with VMBUS_MACHINE_STOPPED once the worker is stopped, and with what the worker's side threw. */
  ask<M extends MethodName>(method: M, ...args: Methods[M]['args']): Promise<Methods[M]['value']>
  /**
   * Lets the worker close its host and ends it. Calls under way reject once that is done. Rejects when the host could not
   * be closed.
   */
  stop(): Promise<void>
}

export interface WorkerListener {
  console(text: string): void
  event(event: HostEvent): void
}

/** A worker's step takes a tenth of a second; a host that does not come back for so long is ended as it is. */
const GRACE_MS = 10_000

interface Pending {
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** Resolves when the guest is up. An abort at any time stops the worker: VMBUS_MACHINE_STOPPED. */
export async function startWorker(
  start: WorkerStart,
  listener: WorkerListener,
  signal: AbortSignal | undefined,
): Promise<WorkerClient> {
  throwIfAborted(signal)
  const worker = newWorker(start)
  const calls = new Map<number, Pending>()
  let nextId = 1
  let stopped: Error | undefined
  let ending: Promise<void> | undefined
  const up = settlement<void>()
  const closed = settlement<void>()
  // Each has its reader later, or none.
  up.promise.catch(() => undefined)
  closed.promise.catch(() => undefined)

  const end = async (why: Error): Promise<void> => {
    stopped = why
    signal?.removeEventListener('abort', abort)
    worker.ref()
    worker.postMessage({ method: 'close' } satisfies Close)
    const grace = setTimeout(() => closed.resolve(), GRACE_MS)
    try {
      await closed.promise
    } finally {
      clearTimeout(grace)
      await worker.terminate()
      up.reject(why)
      for (const { reject } of calls.values()) reject(why)
      calls.clear()
    }
  }
  const stop = (why: Error): Promise<void> => (ending ??= end(why))
  const abort = (): void => {
    if (signal !== undefined) void stop(abortedBy(signal)).catch(() => undefined)
  }
  signal?.addEventListener('abort', abort, { once: true })

  // A guest that stands still must not keep a process alive that has forgotten it.
  const settle = (id: number, how: (call: Pending) => void): void => {
    const call = calls.get(id)
    calls.delete(id)
    if (calls.size === 0 && ending === undefined) worker.unref()
    if (call !== undefined) how(call)
  }
  worker.on('message', (reply: Reply) => {
    switch (reply.kind) {
      case 'ready':
        return up.resolve()
      case 'failed':
        return void stop(revived(reply.error)).catch(() => undefined)
      case 'console':
        return listener.console(reply.text)
      case 'event':
        return listener.event(reply.event)
      case 'value':
        return settle(reply.id, ({ resolve }) => resolve(reply.value))
      case 'error':
        // What a stop cut short rejects once the host is closed.
        return stopped === undefined ? settle(reply.id, ({ reject }) => reject(revived(reply.error))) : undefined
      case 'closed':
        return reply.error === undefined ? closed.resolve() : closed.reject(revived(reply.error))
    }
  })
  const gone = (why: string, cause?: unknown): void => {
    closed.resolve()
    void stop(new MachineError('VMBUS_MACHINE_STOPPED', `the machine's worker ${why}`, {}, cause)).catch(
      () => undefined,
    )
  }
  worker.on('error', (error) => gone(`failed: ${reasonOf(error)}`, error))
  worker.on('exit', (code) => gone(`ended with code ${code}`))

  await up.promise
  worker.unref()
  return {
    ask: (method, ...args) =>
      new Promise((resolve, reject) => {
        if (stopped !== undefined) return reject(stopped)
        const id = nextId++
        calls.set(id, { resolve: resolve as (value: unknown) => void, reject })
        worker.ref()
        try {
          worker.postMessage({ id, method, args } satisfies Request)
        } catch (cause) {
          const error = new MachineError(
            'VMBUS_MACHINE_OPTIONS',
            `an argument of ${method} is no plain value: ${reasonOf(cause)}`,
            { method },
            cause,
          )
          settle(id, (call) => call.reject(error))
        }
      }),
    stop: () => stop(new MachineError('VMBUS_MACHINE_STOPPED', 'the machine was stopped')),
  }
}

interface Settlement<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

function settlement<T>(): Settlement<T> {
  let settle: Omit<Settlement<T>, 'promise'> | undefined
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }))
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) }
}

function newWorker(start: WorkerStart): Worker {
  try {
    return new Worker(...workerArguments(start))
  } catch (cause) {
    throw new MachineError(
      'VMBUS_MACHINE_OPTIONS',
      `the options of the machine are no plain values: ${reasonOf(cause)}`,
      {},
      cause,
    )
  }
}

/**
 * Sources of this package, and a host module in TypeScript, are loaded through tsx where it is installed; Node from 22.18 on
 * can do without. Once built, a worker is plain JavaScript.
 */
function workerArguments(start: WorkerStart): [string | URL, WorkerOptions] {
  const isSource = import.meta.url.endsWith('.ts')
  const entry = isSource ? new URL('./entry.ts', import.meta.url) : new URL('./entry.js', import.meta.url)
  const typescript = isSource ? import.meta.url : start.host?.module.endsWith('.ts') ? start.host.module : undefined
  const loader = typescript === undefined ? undefined : loaderFor(typescript)
  if (loader === undefined) return [entry, { workerData: start }]
  const code = `import(${JSON.stringify(loader)}).then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}) })`
  return [code, { workerData: start, eval: true, ...(isSource && { execArgv: ['--conditions=@vmbus/source'] }) }]
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
