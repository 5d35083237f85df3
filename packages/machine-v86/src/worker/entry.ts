import { setImmediate as breathe } from 'node:timers/promises'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { loadEmulator } from '../emulator/load.ts'
import { MachineError, reasonOf, throwIfAborted } from '../errors.ts'
import type { HostFactory } from '../host.ts'
import { createSession } from '../session.ts'
import type { Session, SessionOptions, Waited } from '../session-types.ts'
import { bootFromSnapshot, snapshotStore } from '../snapshots.ts'
import { plainError } from './plain-error.ts'
import type { Close, HostModule, MethodName, Methods, NextGuest, Reply, Request, WorkerStart } from './protocol.ts'

type Send = (reply: Reply) => void

/** Runs a session's step, letting messages in between; a step that the guest did not answer is an error. */
async function finished<T>(steps: Generator<void, Waited<T>>, what: string, stopping: AbortSignal): Promise<T> {
  for (;;) {
    throwIfAborted(stopping)
    const step = steps.next()
    if (step.done !== true) {
      await breathe()
      continue
    }
    const waited = step.value
    if ('value' in waited) return waited.value
    if ('ended' in waited)
      throw new MachineError('VMBUS_MACHINE_ENDED', `the guest ended (${waited.ended}) during ${what}`, {
        end: waited.ended,
      })
    throw new MachineError('VMBUS_MACHINE_TIMEOUT', `no answer within the virtual time given for ${what}`)
  }
}

async function importHost({ module, export: name }: HostModule): Promise<HostFactory> {
  const exports = await (import(module) as Promise<Readonly<Record<string, unknown>>>).catch((cause: unknown) => {
    throw new MachineError('VMBUS_MACHINE_HOST', `cannot import ${module}: ${reasonOf(cause)}`, { module }, cause)
  })
  const factory = exports[name]
  if (typeof factory !== 'function')
    throw new MachineError('VMBUS_MACHINE_HOST', `${module} does not export a function ${name}`, {
      module,
      export: name,
    })
  return factory as HostFactory
}

/** One of a thread makes all its machines. Who waits for it is told why there is none. */
const emulator = loadEmulator()
emulator.catch(() => undefined)

async function start(start: WorkerStart, send: Send, stopping: AbortSignal): Promise<Session> {
  const options: SessionOptions = {
    ...start.settings,
    emulator: await emulator,
    image: start.image,
    ...(start.host === undefined ? {} : { host: await importHost(start.host), hostOptions: start.host.options }),
    onConsole: (text) => send({ kind: 'console', text }),
    onEvent: (event) => sendPlain(send, { kind: 'event', event }, `the detail of the event ${event.name}`),
  }
  const toAgent = async (session: Session): Promise<void> => {
    if (start.image.agent) await finished(session.until('agent', start.bootSeconds), 'the boot', stopping)
  }
  await breathe()
  throwIfAborted(stopping)
  if (start.snapshot !== undefined) return createSession({ ...options, from: start.snapshot })
  if (start.snapshots !== undefined) {
    const { folder, hostKey } = start.snapshots
    return bootFromSnapshot(snapshotStore(folder, hostKey, options, { signal: stopping }), options, toAgent)
  }
  const session = await createSession(options)
  try {
    await toAgent(session)
    return session
  } catch (error) {
    session.close()
    throw error
  }
}

/** Posts what a host handed over; what cannot be copied to another thread is the host's mistake. */
function sendPlain(send: Send, reply: Reply, what: string): void {
  try {
    send(reply)
  } catch (cause) {
    throw new MachineError('VMBUS_MACHINE_HOST', `${what} is no plain value: ${reasonOf(cause)}`, {}, cause)
  }
}

type Handlers = {
  readonly [M in MethodName]: (...args: Methods[M]['args']) => Methods[M]['value'] | Promise<Methods[M]['value']>
}

const handlers = (session: Session, stopping: AbortSignal): Handlers => ({
  exec: (script, seconds) => finished(session.exec(script, seconds), 'a command', stopping),
  until: (what, seconds, after) =>
    finished(session.until(what, seconds, after), `waiting for ${String(what)}`, stopping),
  async ended(seconds) {
    await finished(session.run(seconds), 'the run', stopping).catch((error: unknown) => {
      if (!(error instanceof MachineError) || error.code !== 'VMBUS_MACHINE_ENDED') throw error
    })
    if (session.end === undefined)
      throw new MachineError('VMBUS_MACHINE_TIMEOUT', `the guest did not end within ${seconds} virtual seconds`)
    return session.end
  },
  run: (seconds) => finished(session.run(seconds), 'the run', stopping),
  call: (name, argument) => session.call(name, argument),
  snapshot: () => session.snapshot(),
  result: () => session.result(),
})

/** Starts a session, serves it one call after another until it is told to stop, and closes it, whatever happens. */
async function serve(port: MessagePort, data: WorkerStart): Promise<void> {
  const send: Send = (reply) => port.postMessage(reply)
  const stopping = new AbortController()
  const stopped = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()))
  let session: Session | undefined
  let queue = Promise.resolve()
  const answer = async ({ id, method, args }: Request): Promise<void> => {
    try {
      throwIfAborted(stopping.signal)
      if (session === undefined) throw new MachineError('VMBUS_MACHINE_STOPPED', 'the machine is not up')
      const handle = handlers(session, stopping.signal)[method] as (...all: unknown[]) => unknown
      sendPlain(send, { kind: 'value', id, value: await handle(...args) }, `the answer to ${method}`)
    } catch (error) {
      send({ kind: 'error', id, error: plainError(error) })
    }
  }
  const receive = (message: Request | Close): void => {
    if (message.method === 'close') stopping.abort()
    else queue = queue.then(() => answer(message))
  }
  const fail = (error: Error): void => {
    send({ kind: 'failed', error: plainError(error) })
    stopping.abort()
  }
  port.on('message', receive)
  process.once('uncaughtException', fail)
  try {
    session = await start(data, send, stopping.signal)
    send({ kind: 'ready' })
    await stopped
    await queue
  } catch (error) {
    send({ kind: 'failed', error: plainError(error) })
  }
  port.off('message', receive)
  process.off('uncaughtException', fail)
  try {
    session?.close()
    send({ kind: 'closed' })
  } catch (error) {
    send({ kind: 'closed', error: plainError(error) })
  }
}

/** The next guest of this thread, should there be one: a thread that is wanted no more is ended. */
const nextGuest = (port: MessagePort): Promise<WorkerStart> =>
  new Promise((resolve) => port.once('message', ({ start }: NextGuest) => resolve(start)))

if (parentPort !== null)
  for (let guest = workerData as WorkerStart; ; guest = await nextGuest(parentPort)) await serve(parentPort, guest)
