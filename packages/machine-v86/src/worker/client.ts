import { MachineError, abortedBy, reasonOf, throwIfAborted } from '../errors.ts'
import type { HostEvent } from '../session-types.ts'
import { revived } from './plain-error.ts'
import type { Close, MethodName, Methods, Reply, Request, WorkerStart } from './protocol.ts'
import { beginThread } from './thread.ts'
import type { GuestThreads } from './threads.ts'

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
  { signal, threads }: { readonly signal?: AbortSignal; readonly threads?: GuestThreads },
): Promise<WorkerClient> {
  throwIfAborted(signal)
  const thread = beginThread(start, threads)
  const { worker } = thread
  const calls = new Map<number, Pending>()
  let nextId = 1
  let stopped: Error | undefined
  let ending: Promise<void> | undefined
  let isSound = true
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
    const grace = setTimeout(() => {
      isSound = false
      closed.resolve()
    }, GRACE_MS)
    try {
      await closed.promise
    } finally {
      clearTimeout(grace)
      worker.off('message', receive).off('error', failed).off('exit', exited)
      await thread.leave(isSound)
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
  const receive = (reply: Reply): void => {
    switch (reply.kind) {
      case 'ready':
        return up.resolve()
      case 'failed':
        isSound = false
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
        isSound &&= reply.error === undefined
        return reply.error === undefined ? closed.resolve() : closed.reject(revived(reply.error))
    }
  }
  const gone = (why: string, cause?: unknown): void => {
    isSound = false
    closed.resolve()
    void stop(stoppedFor(`the machine's worker ${why}`, cause)).catch(() => undefined)
  }
  const failed = (error: unknown): void => gone(`failed: ${reasonOf(error)}`, error)
  const exited = (code: number): void => gone(`ended with code ${code}`)
  worker.on('message', receive).on('error', failed).on('exit', exited)

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
          settle(id, (call) => call.reject(notPlain(method, cause)))
        }
      }),
    stop: () => stop(stoppedFor('the machine was stopped')),
  }
}

const stoppedFor = (why: string, cause?: unknown) => new MachineError('VMBUS_MACHINE_STOPPED', why, {}, cause)

const notPlain = (method: string, cause: unknown) =>
  new MachineError(
    'VMBUS_MACHINE_OPTIONS',
    `an argument of ${method} is no plain value: ${reasonOf(cause)}`,
    { method },
    cause,
  )

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
