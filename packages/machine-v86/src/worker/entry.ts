import { setImmediate as breathe } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { loadEmulator } from '../emulator/load.ts'
import { MachineError } from '../errors.ts'
import type { HostFactory } from '../host.ts'
import { createSession, type Session, type SessionOptions, type Waited } from '../session.ts'
import { bootFromSnapshotFile } from '../snapshots.ts'
import type { HostModule, MethodName, Methods, PlainError, Reply, Request, WorkerStart } from './protocol.ts'

/** Runs a session's step, letting messages in between; a step that the guest did not answer is an error. */
async function finished<T>(steps: Generator<void, Waited<T>>, what: string): Promise<T> {
  for (;;) {
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
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MachineError('VMBUS_MACHINE_HOST', `cannot import ${module}: ${why}`, { module }, cause)
  })
  const factory = exports[name]
  if (typeof factory !== 'function')
    throw new MachineError('VMBUS_MACHINE_HOST', `${module} does not export a function ${name}`, {
      module,
      export: name,
    })
  return factory as HostFactory
}

async function start(start: WorkerStart, send: (reply: Reply) => void): Promise<Session> {
  const emulator = await loadEmulator()
  const options: SessionOptions = {
    ...start.settings,
    emulator,
    image: start.image,
    ...(start.host === undefined ? {} : { host: await importHost(start.host), hostOptions: start.host.options }),
    onConsole: (text) => send({ kind: 'console', text }),
    onEvent: (event) => send({ kind: 'event', event }),
  }
  const toAgent = async (session: Session): Promise<void> => {
    if (start.image.agent) await finished(session.until('agent', start.bootSeconds), 'the boot')
  }
  if (start.snapshot !== undefined) return createSession({ ...options, from: start.snapshot })
  if (start.snapshotFile !== undefined) return bootFromSnapshotFile(start.snapshotFile, options, toAgent)
  const session = await createSession(options)
  await toAgent(session)
  return session
}

type Handlers = {
  readonly [M in MethodName]: (...args: Methods[M]['args']) => Methods[M]['value'] | Promise<Methods[M]['value']>
}

const handlers = (session: Session): Handlers => ({
  exec: (script, seconds) => finished(session.exec(script, seconds), 'a command'),
  until: (what, seconds) => finished(session.until(what, seconds), `waiting for ${String(what)}`),
  async ended(seconds) {
    await finished(session.run(seconds), 'the run').catch((error: unknown) => {
      if (!(error instanceof MachineError) || error.code !== 'VMBUS_MACHINE_ENDED') throw error
    })
    if (session.end === undefined)
      throw new MachineError('VMBUS_MACHINE_TIMEOUT', `the guest did not end within ${seconds} virtual seconds`)
    return session.end
  },
  run: (seconds) => finished(session.run(seconds), 'the run'),
  call: (name, argument) => session.call(name, argument),
  snapshot: () => session.snapshot(),
  result: () => session.result(),
})

function plainError(error: unknown): PlainError {
  if (error instanceof MachineError)
    return { code: error.code, message: error.message, detail: error.detail, stack: error.stack }
  if (error instanceof Error) return { code: undefined, message: error.message, detail: {}, stack: error.stack }
  return { code: undefined, message: String(error), detail: {}, stack: undefined }
}

const port = parentPort
if (port !== null) {
  const send = (reply: Reply): void => port.postMessage(reply)
  try {
    const answers = handlers(await start(workerData as WorkerStart, send))
    let queue = Promise.resolve()
    port.on('message', ({ id, method, args }: Request) => {
      const answer = answers[method] as (...all: unknown[]) => unknown
      queue = queue
        .then(async () => send({ kind: 'value', id, value: await answer(...args) }))
        .catch((error: unknown) => send({ kind: 'error', id, error: plainError(error) }))
    })
    send({ kind: 'ready' })
  } catch (error) {
    send({ kind: 'failed', error: plainError(error) })
    port.close()
  }
}
