import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { MachineError } from './errors.ts'
import type { ExecResult } from './guest/agent.ts'
import { modulePath } from './guest/initrd.ts'
import type { GuestEnd, Milestone } from './guest/outcome.ts'
import { defaultCacheFolder } from './image/cache.ts'
import { prepareImage, type ImageOptions, type ImageSource, type PreparedImage } from './image/prepare.ts'
import type { HostEvent, MachineSettings, SessionResult, SessionSnapshot } from './session.ts'
import { snapshotPath } from './snapshots.ts'
import type { MethodName, Methods, PlainError, Reply, WorkerStart } from './worker/protocol.ts'

/** A host that runs inside the machine's worker, synchronously with the processor. */
export interface HostReference {
  /** The ES module, as a file: URL. */
  readonly module: string | URL
  /** The export that is a HostFactory; default `host`. */
  readonly export?: string
  /** Passed to it; a plain value. */
  readonly options?: unknown
  /**
   * Names what a booting guest sees of this host before hv_vmbus is loaded. With it, a snapshot of the booted guest is
   * kept in the cache and later boots take a fraction of a second; without it, every boot starts at power-on.
   */
  readonly snapshotKey?: string
}

export interface BootOptions extends MachineSettings, ImageOptions {
  /** A source to prepare, or an image prepared before. */
  readonly image: ImageSource | PreparedImage
  readonly host?: HostReference
  /** Use and keep a snapshot taken before hv_vmbus is loaded; default true where it is possible. */
  readonly snapshots?: boolean
  /** Start from this snapshot of the same image instead. */
  readonly from?: SessionSnapshot
  /** Load the image's modules once the guest is up; default true. */
  readonly loadModules?: boolean
  /** Virtual seconds until the guest must be up; default 60. */
  readonly bootSeconds?: number
  onConsole?(text: string): void
  onEvent?(event: HostEvent): void
  readonly signal?: AbortSignal
}

/** How loading a module went: its exit status and insmod's words. A driver that its host refuses says so here. */
export type LoadedModules = Readonly<Record<string, ExecResult>>

/** A running guest, in a worker of its own. Virtual time passes only during calls. */
export interface Guest extends AsyncDisposable {
  readonly image: PreparedImage
  readonly modules: LoadedModules
  /** The console's text so far. */
  readonly console: string
  readonly events: readonly HostEvent[]
  /** Runs a shell script; rejects with VMBUS_MACHINE_ENDED or VMBUS_MACHINE_TIMEOUT (virtual seconds, default 60). */
  exec(script: string, options?: { readonly seconds?: number }): Promise<ExecResult>
  /** Waits for a milestone, a console line or the next host event of a name. */
  until(what: Milestone | RegExp | `event:${string}`, options?: { readonly seconds?: number }): Promise<string>
  /** Waits for the guest's end. */
  ended(options?: { readonly seconds?: number }): Promise<GuestEnd>
  /** Lets virtual time pass. */
  run(seconds: number): Promise<void>
  /** Calls the host's `call` hook in the worker. */
  call(name: string, argument?: unknown): Promise<unknown>
  /** Loads modules of the image by name, in the image's order with what they need. */
  load(modules: readonly string[]): Promise<LoadedModules>
  snapshot(): Promise<SessionSnapshot>
  result(): Promise<SessionResult>
  /** Ends the worker at once; calls under way reject with VMBUS_MACHINE_STOPPED. */
  stop(): Promise<void>
}

const DEFAULT_SECONDS = 60

/** Boots an unmodified kernel in a worker; resolves when its command agent answers and the modules are loaded. */
export async function boot(options: BootOptions): Promise<Guest> {
  const { signal } = options
  signal?.throwIfAborted()
  const image = 'digest' in options.image ? options.image : await prepareImage(options.image, options)
  const settings = machineSettings(options)
  const snapshotFile = await snapshotFileOf(options, image, settings)
  const guest = await startWorker(options, image, {
    settings,
    image,
    bootSeconds: options.bootSeconds ?? DEFAULT_SECONDS,
    ...(options.host === undefined
      ? {}
      : {
          host: {
            module: moduleUrl(options.host.module),
            export: options.host.export ?? 'host',
            options: options.host.options,
          },
        }),
    ...(options.from === undefined ? {} : { snapshot: options.from }),
    ...(snapshotFile === undefined ? {} : { snapshotFile }),
  })
  if (!image.agent || options.loadModules === false || options.from !== undefined) return guest
  try {
    await guest.load(image.modules)
    return guest
  } catch (error) {
    await guest.stop()
    throw error
  }
}

async function snapshotFileOf(
  options: BootOptions,
  image: PreparedImage,
  settings: MachineSettings,
): Promise<string | undefined> {
  const hostKey = options.host === undefined ? 'none' : options.host.snapshotKey
  if (options.snapshots === false || !image.agent || options.jit === true || hostKey === undefined) return undefined
  return snapshotPath(options.cacheFolder ?? defaultCacheFolder(), image, settings, hostKey)
}

async function startWorker(options: BootOptions, image: PreparedImage, start: WorkerStart): Promise<Guest> {
  const worker = new Worker(...workerArguments(start))
  const calls = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  const events: HostEvent[] = []
  const modules: Record<string, ExecResult> = {}
  let text = ''
  let nextId = 1
  let stopped: MachineError | undefined
  let ready: { resolve(): void; reject(error: unknown): void } | undefined
  const up = new Promise<void>((resolve, reject) => (ready = { resolve, reject }))

  const stop = async (why = new MachineError('VMBUS_MACHINE_STOPPED', 'the machine was stopped')): Promise<void> => {
    stopped ??= why
    ready?.reject(stopped)
    for (const { reject } of calls.values()) reject(stopped)
    calls.clear()
    options.signal?.removeEventListener('abort', abort)
    await worker.terminate()
  }
  const abort = (): void =>
    void stop(new MachineError('VMBUS_MACHINE_STOPPED', 'the machine was aborted', {}, options.signal?.reason))
  options.signal?.addEventListener('abort', abort, { once: true })

  // A guest that stands still must not keep a process alive that has forgotten it.
  const answered = (id: number): void => {
    calls.delete(id)
    if (calls.size === 0) worker.unref()
  }
  worker.on('message', (reply: Reply) => {
    switch (reply.kind) {
      case 'ready':
        return ready?.resolve()
      case 'failed':
        return ready?.reject(revived(reply.error))
      case 'console':
        text += reply.text
        return options.onConsole?.(reply.text)
      case 'event':
        events.push(reply.event)
        return options.onEvent?.(reply.event)
      case 'value':
        calls.get(reply.id)?.resolve(reply.value)
        return answered(reply.id)
      case 'error':
        calls.get(reply.id)?.reject(revived(reply.error))
        return answered(reply.id)
    }
  })
  worker.on(
    'error',
    (error) =>
      void stop(new MachineError('VMBUS_MACHINE_STOPPED', `the machine's worker failed: ${error.message}`, {}, error)),
  )
  worker.on(
    'exit',
    (code) =>
      void stop(
        new MachineError('VMBUS_MACHINE_STOPPED', `the machine's worker ended with code ${code}`, { exit: code }),
      ),
  )

  const ask = <M extends MethodName>(method: M, ...args: Methods[M]['args']): Promise<Methods[M]['value']> =>
    new Promise((resolve, reject) => {
      if (stopped !== undefined) return reject(stopped)
      const id = nextId++
      calls.set(id, { resolve: resolve as (value: unknown) => void, reject })
      worker.ref()
      worker.postMessage({ id, method, args })
    })

  try {
    await up
    worker.unref()
  } catch (error) {
    await stop()
    throw error
  }
  const guest: Guest = {
    image,
    modules,
    events,
    get console() {
      return text
    },
    exec: (script, { seconds = DEFAULT_SECONDS } = {}) => ask('exec', script, seconds),
    until: (what, { seconds = DEFAULT_SECONDS } = {}) => ask('until', what, seconds),
    ended: ({ seconds = DEFAULT_SECONDS } = {}) => ask('ended', seconds),
    async run(seconds) {
      await ask('run', seconds)
    },
    call: (name, argument) => ask('call', name, argument),
    async load(names) {
      for (const name of names) {
        if (modules[name]?.status === 0) continue
        modules[name] = await ask('exec', `insmod ${modulePath(name)}`, DEFAULT_SECONDS)
      }
      return modules
    },
    snapshot: () => ask('snapshot'),
    result: () => ask('result'),
    stop: () => stop(),
    [Symbol.asyncDispose]: () => stop(),
  }
  return guest
}

/** From source, the worker needs a loader for TypeScript and the workspace's export condition; once built, it is plain JavaScript. */
function workerArguments(start: WorkerStart): [string | URL, WorkerOptions] {
  if (!import.meta.url.endsWith('.ts')) return [new URL('./worker/entry.js', import.meta.url), { workerData: start }]
  // The CommonJS form of the loader does not register itself in a worker.
  const loader = pathToFileURL(
    join(dirname(createRequire(import.meta.url).resolve('tsx/package.json')), 'dist/esm/api/index.mjs'),
  ).href
  const entry = new URL('./worker/entry.ts', import.meta.url).href
  const code = `import(${JSON.stringify(loader)}).then(({ register }) => { register(); return import(${JSON.stringify(entry)}) })`
  return [code, { workerData: start, eval: true, execArgv: ['--conditions=@vmbus/source'] }]
}

function moduleUrl(module: string | URL): string {
  const url = String(module)
  if (!/^(?:file|data|node):/.test(url))
    throw new MachineError(
      'VMBUS_MACHINE_OPTIONS',
      `host.module must be a file: URL, as import.meta.resolve and new URL give it: ${url}`,
      { module: url },
    )
  return url
}

function machineSettings(options: BootOptions): MachineSettings {
  const { memoryMB, seed, jit, cmdline, epoch, instructionNs, jitter, hangSeconds } = options
  return Object.fromEntries(
    Object.entries({ memoryMB, seed, jit, cmdline, epoch, instructionNs, jitter, hangSeconds }).filter(
      ([, value]) => value !== undefined,
    ),
  )
}

function revived({ code, message, detail, stack }: PlainError): Error {
  const cause = new Error(message)
  if (stack !== undefined) cause.stack = stack
  return code === undefined ? cause : new MachineError(code, message.replace(`${code}: `, ''), detail, cause)
}
