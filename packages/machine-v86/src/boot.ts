import { join } from 'node:path'
import type { BootOptions } from './boot-types.ts'
import { MachineError, abortedBy, throwIfAborted } from './errors.ts'
import type { ExecResult } from './guest/agent.ts'
import { modulePath } from './guest/initrd.ts'
import type { GuestEnd } from './guest/outcome.ts'
import { defaultCacheFolder } from './image/cache.ts'
import type { ImageOptions, PreparedImage } from './image/image-types.ts'
import { withNeeds } from './image/modules.ts'
import { prepareImage } from './image/prepare.ts'
import { BOOT_OPTIONS, CONDITION, SCRIPT, SECONDS, UNTIL_OPTIONS, WAIT_OPTIONS, checkOptions } from './options.ts'
import type { Condition, HostEvent, MachineSettings, SessionResult, SessionSnapshot } from './session-types.ts'
import { startWorker, type WorkerClient } from './worker/client.ts'
import type { WorkerStart } from './worker/protocol.ts'

/** How loading a module went: its exit status and insmod's words. A driver that its host refuses says so here. */
export type LoadedModules = Readonly<Record<string, ExecResult>>

/** A running guest, in a worker of its own. Virtual time passes only during calls. */
export interface Guest extends AsyncDisposable {
  readonly image: PreparedImage
  readonly modules: LoadedModules
  /** The console's text so far. */
  readonly console: string
  readonly events: readonly HostEvent[]
  /**
   * Runs a shell script of at most 1 MiB (200 kB take about two seconds of the guest's time). Rejects with VMBUS_MACHINE_ENDED, or
   * with VMBUS_MACHINE_TIMEOUT after the virtual seconds given (default 60): the script and all that it started are killed.
   */
  exec(script: string, options?: { readonly seconds?: number }): Promise<ExecResult>
  /**
   * Waits for a milestone, text on the console since the power-on, or a host event of a name. Of events, those count that
   * are not among the first `after` of `events`: 0 looks at all that happened since the guest was up, and
   * `events.length` as it was before a call finds what that call brought about. Default: those that come from now on.
   */
  until(what: Condition, options?: { readonly seconds?: number; readonly after?: number }): Promise<string>
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
  /**
   * Closes the host and ends the worker; calls under way reject with VMBUS_MACHINE_STOPPED. Rejects when the host could not
   * be closed.
   */
  stop(): Promise<void>
}

const DEFAULT_SECONDS = 60

/**
 * Boots an unmodified kernel in a worker; resolves when its command agent answers and the modules are loaded. An abort
 * rejects with VMBUS_MACHINE_STOPPED, whatever was under way, and its cause is the signal's reason.
 */
export async function boot(given: BootOptions): Promise<Guest> {
  const options = checkOptions('boot', BOOT_OPTIONS, given)
  const { signal } = options
  throwIfAborted(signal)
  const image = 'digest' in options.image ? options.image : await prepareImage(options.image, imageOptions(options))
  const events: HostEvent[] = []
  const console = { text: '' }
  const client = await startWorker(
    workerStart(options, image),
    {
      console(text) {
        console.text += text
        options.onConsole?.(text)
      },
      event(event) {
        events.push(event)
        options.onEvent?.(event)
      },
    },
    { ...(signal !== undefined && { signal }), ...(options.threads !== undefined && { threads: options.threads }) },
  )
  const guest = guestOf(client, image, events, console)
  try {
    if (image.agent && options.loadModules !== false && options.from === undefined) await guest.load(image.modules)
    throwIfAborted(signal)
    return guest
  } catch (error) {
    await guest.stop()
    throw signal?.aborted === true ? abortedBy(signal) : error
  }
}

function imageOptions({ modules, packages, files, cacheFolder, signal, onProgress }: BootOptions): ImageOptions {
  return {
    ...(modules === undefined ? {} : { modules }),
    ...(packages === undefined ? {} : { packages }),
    ...(files === undefined ? {} : { files }),
    ...(cacheFolder === undefined ? {} : { cacheFolder }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress: (text: string) => onProgress(text) }),
  }
}

function workerStart(options: BootOptions, image: PreparedImage): WorkerStart {
  const { host, from, cacheFolder, bootSeconds = DEFAULT_SECONDS } = options
  const hostKey = host === undefined ? 'none' : host.snapshotKey
  const isKept = options.snapshots !== false && image.agent && from === undefined
  return {
    settings: machineSettings(options),
    image,
    bootSeconds,
    ...(host === undefined
      ? {}
      : { host: { module: moduleUrl(host.module), export: host.export ?? 'host', options: host.options } }),
    ...(from === undefined ? {} : { snapshot: from }),
    ...(isKept && hostKey !== undefined
      ? { snapshots: { folder: join(cacheFolder ?? defaultCacheFolder(), 'snapshots'), hostKey } }
      : {}),
  }
}

function guestOf(
  { ask, stop }: WorkerClient,
  image: PreparedImage,
  events: readonly HostEvent[],
  console: { readonly text: string },
): Guest {
  const modules: Record<string, ExecResult> = {}
  return {
    image,
    modules,
    events,
    get console() {
      return console.text
    },
    async exec(script, options = {}) {
      const { seconds = DEFAULT_SECONDS } = checkOptions('exec', WAIT_OPTIONS, options)
      return ask('exec', checkOptions('exec.script', SCRIPT, script), seconds)
    },
    async until(what, options = {}) {
      const { seconds = DEFAULT_SECONDS, after } = checkOptions('until', UNTIL_OPTIONS, options)
      return ask('until', checkOptions('until.what', CONDITION, what), seconds, after)
    },
    async ended(options = {}) {
      const { seconds = DEFAULT_SECONDS } = checkOptions('ended', WAIT_OPTIONS, options)
      return ask('ended', seconds)
    },
    async run(seconds) {
      await ask('run', checkOptions('run.seconds', SECONDS, seconds))
    },
    call: (name, argument) => ask('call', name, argument),
    async load(names) {
      const wanted = withNeeds(names, image.needs).filter((name) => modules[name]?.status !== 0)
      if (wanted.length === 0) return modules
      const { output } = await ask('exec', loadScript(wanted), wanted.length * DEFAULT_SECONDS)
      return Object.assign(modules, loadedModules(wanted, output))
    },
    snapshot: () => ask('snapshot'),
    result: () => ask('result'),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Ends what insmod says of a module: a byte (record separator) that is in no message of its own. */
const END_OF_MODULE = '\u001E'

/** One command for all modules: another costs the guest as much as loading a small module does. */
const loadScript = (names: readonly string[]): string =>
  `for module in ${names.map(modulePath).join(' ')}; do insmod $module; printf '\\036%s\\n' $?; done`

function loadedModules(names: readonly string[], output: string): LoadedModules {
  // What the first said, its status and what the second said in the next line, and so on.
  const [first = '', ...rest] = output.split(END_OF_MODULE)
  const ends = rest.map((text) => text.indexOf('\n'))
  const words = [first, ...rest.map((text, index) => text.slice((ends[index] ?? 0) + 1))]
  return Object.fromEntries(
    names.map((name, index): [string, ExecResult] => {
      const status = rest[index]?.slice(0, ends[index])
      return [name, { status: Number(status), output: words[index] ?? '' }]
    }),
  )
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
