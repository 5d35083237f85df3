import { TICKS_PER_SECOND } from '@vmbus/world'
import { readBzImage } from './boot/bzimage.ts'
import { loadLinux } from './boot/linux.ts'
import type { Emulator } from './emulator/load.ts'
import { createMachine } from './emulator/machine.ts'
import { DEFAULT_JITTER, type Jitter, type Machine, type MachineSnapshot } from './emulator/machine-types.ts'
import { MachineError } from './errors.ts'
import { createAgent, type AgentState, type ExecResult } from './guest/agent.ts'
import { createConsole, type ConsoleState } from './guest/console.ts'
import { outcomeOf, type GuestEnd, type Milestone, type Outcome } from './guest/outcome.ts'
import { IMPOSED_FEATURES } from './emulator/features.ts'
import type { HostFactory } from './host.ts'
import { sha256 } from './image/cache.ts'
import type { PreparedImage } from './image/prepare.ts'

/** Words that save seconds of guest time: self-tests, probes and certificates that no VMBus test needs. */
export const DEFAULT_CMDLINE = [
  'console=ttyS0',
  'panic=-1',
  'cryptomgr.notests',
  'noisapnp',
  'pci=off',
  'no_timer_check',
  'initcall_blacklist=init_kprobe_trace,load_system_certificate_list,crypto_kdf108_init,init_blk_tracer',
].join(' ')

export interface MachineSettings {
  /** RAM in MiB, 32 … 1024; default 128, and more when the initial RAM disk needs it. */
  readonly memoryMB?: number
  readonly seed?: number
  /** Compile hot code: pays for CPU-heavy guests, and makes the run not repeatable. */
  readonly jit?: boolean
  /** Added to DEFAULT_CMDLINE. */
  readonly cmdline?: string
  /** Wall clock (FILETIME) at power-on. */
  readonly epoch?: bigint
  readonly instructionNs?: number
  readonly jitter?: Partial<Jitter>
  /** A guest that is busy for so many virtual seconds without a sign of progress is hung; default 30. */
  readonly hangSeconds?: number
}

export interface SessionOptions extends MachineSettings {
  readonly emulator: Emulator
  readonly image: PreparedImage
  readonly host?: HostFactory
  readonly hostOptions?: unknown
  /** Begin from this snapshot instead of power-on. */
  readonly from?: SessionSnapshot
  onConsole?(text: string): void
  onEvent?(event: HostEvent): void
}

export interface HostEvent {
  readonly name: string
  /** Reference time, 100 ns units. */
  readonly at: number
  readonly detail?: unknown
}

export interface SessionSnapshot {
  readonly version: 1
  readonly identity: string
  readonly machine: MachineSnapshot
  readonly agent: AgentState
  readonly console: ConsoleState
  /** All of the host's state; undefined when it is in `booted`. */
  readonly host: unknown
  /** What a booting guest changed of its host: see `HostHooks.booted`. */
  readonly booted?: unknown
}

/**
 * What a guest's programs are: `stock` those of the packages alone, beside process 1 and its shell; `modified` with files
 * of the caller's; `own` an initial RAM disk of the user's.
 */
export type Userland = 'stock' | 'modified' | 'own'

export interface SessionResult {
  readonly image: string
  readonly userland: Userland
  /** Of a modified one: the files that are from no package. */
  readonly userlandFiles?: readonly string[]
  readonly seed: number
  readonly end: GuestEnd | undefined
  readonly outcome: Outcome
  /** The console's line that told of a panic, oops or lockup. */
  readonly evidence?: string
  readonly instructions: number
  readonly virtualSeconds: number
  readonly milestones: Readonly<Record<string, number>>
  readonly ramSha256: string
  readonly consoleSha256: string
  readonly deterministic: boolean
  readonly notDeterministicBecause?: string
  readonly events: Readonly<Record<string, number>>
  readonly host?: unknown
}

/** A wait that was not answered in time, or that the guest's end cut short. */
export type Waited<T> = { readonly value: T } | { readonly ended: GuestEnd } | { readonly timeout: true }

/**
 * A booted guest, driven by calls: virtual time passes only inside them, so the same calls give the same run. The
 * steps are generators that yield now and then, for a caller that has other work; `finish` runs one to its end.
 */
export interface Session {
  readonly machine: Machine
  readonly console: string
  readonly end: GuestEnd | undefined
  /** Runs a shell script in the guest. */
  exec(script: string, seconds?: number): Generator<void, Waited<ExecResult>>
  /** Waits for a milestone, a console line or a host event (`event:NAME`). */
  until(what: Milestone | RegExp | `event:${string}`, seconds?: number): Generator<void, Waited<string>>
  /** Lets virtual time pass. */
  run(seconds: number): Generator<void, Waited<undefined>>
  call(name: string, argument: unknown): unknown
  snapshot(): SessionSnapshot
  /** For a guest that has booted and no more: without the state of bus and devices, which are to begin anew. */
  bootSnapshot(): SessionSnapshot | undefined
  restore(snapshot: SessionSnapshot): void
  result(): SessionResult
}

/** Calls of the emulator between two yields: some milliseconds of real time. */
const CHUNK = 20
const DEFAULT_SECONDS = 60
const DEFAULT_HANG_SECONDS = 30

export function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** RAM that an image needs: its unpacked initial RAM disk, twice while it is unpacked, and the kernel. */
function memoryFor(initrdBytes: number, wanted?: number): number {
  return wanted ?? Math.max(128, Math.ceil((64 + (2.2 * initrdBytes) / 2 ** 20) / 32) * 32)
}

export async function createSession(options: SessionOptions): Promise<Session> {
  const { emulator, image } = options
  const memoryMB = memoryFor(image.initrd.length, options.memoryMB)
  const cmdline = options.cmdline === undefined ? DEFAULT_CMDLINE : `${DEFAULT_CMDLINE} ${options.cmdline}`
  const identity = sessionIdentity(options)
  const agent = createAgent()
  const events = new Map<string, number>()
  let lastProgress = 0
  let hung = false

  const screen = createConsole((text) => options.onConsole?.(text))
  const machine = createMachine({
    ...machineOptions(options),
    emulator,
    memoryMB,
    serial(port, value) {
      lastProgress = machine.instructions
      if (port === 0) screen.byte(value, machine.clock.now())
      else {
        agent.byte(value)
        if (agent.ready) screen.reach('agent', machine.clock.now())
      }
    },
  })
  const hooks = options.host?.(
    {
      memory: machine.memory,
      clock: machine.clock,
      seed: machine.seed,
      hypercallCode: machine.hypercallCode,
      imposed: IMPOSED_FEATURES,
      timers: (fire) => machine.timers(fire),
      interrupt: (vp, vector) => machine.interrupt(vp, vector),
      connect: (partition) => machine.connect(partition),
      emit(name, detail) {
        lastProgress = machine.instructions
        events.set(name, (events.get(name) ?? 0) + 1)
        options.onEvent?.({ name, at: machine.clock.now(), ...(detail === undefined ? {} : { detail }) })
      },
      diagnose: (diagnostic) => options.onEvent?.({ name: 'diagnostic', at: machine.clock.now(), detail: diagnostic }),
    },
    options.hostOptions,
  )

  const restore = (snapshot: SessionSnapshot): void => {
    if (snapshot.version !== 1 || snapshot.identity !== identity) {
      throw new MachineError('VMBUS_MACHINE_SNAPSHOT', 'the snapshot is of another image, emulator or machine size')
    }
    machine.restore(snapshot.machine)
    agent.restore(snapshot.agent)
    screen.restore(snapshot.console)
    if (snapshot.booted === undefined) hooks?.restore?.(snapshot.host)
    else hooks?.booted?.restore(snapshot.booted)
    hung = false
  }
  if (options.from === undefined) {
    const kernel = await readBzImage(image.bzImage)
    const { entry, bootParams } = loadLinux(machine.memory, { kernel, initrd: image.initrd, cmdline })
    machine.start(entry, bootParams)
  } else restore(options.from)

  const end = (): GuestEnd | undefined => screen.sign?.end ?? (hung ? 'hung' : undefined) ?? machine.ended
  const hangInstructions = ((options.hangSeconds ?? DEFAULT_HANG_SECONDS) * 1e9) / (options.instructionNs ?? 10)

  function* waitFor<T>(seconds: number, found: () => T | undefined): Generator<void, Waited<T>> {
    const deadline = machine.clock.now() + seconds * TICKS_PER_SECOND
    lastProgress = machine.instructions
    for (;;) {
      const value = found()
      if (value !== undefined) return { value }
      const ended = end()
      if (ended !== undefined) return { ended }
      if (machine.clock.now() >= deadline) return { timeout: true }
      machine.run(deadline, CHUNK)
      if (machine.instructions - lastProgress > hangInstructions) hung = true
      yield
    }
  }

  const snapshotWith = (host: Pick<SessionSnapshot, 'host' | 'booted'>): SessionSnapshot => {
    if (end() !== undefined) throw new MachineError('VMBUS_MACHINE_SNAPSHOT', `the guest has ended: ${end() ?? ''}`)
    return {
      version: 1,
      identity,
      machine: machine.save(),
      agent: agent.save(),
      console: screen.save(),
      ...host,
    }
  }

  return {
    machine,
    get console() {
      return screen.text
    },
    get end() {
      return end()
    },
    *exec(script, seconds = DEFAULT_SECONDS) {
      if (!agent.ready) throw new MachineError('VMBUS_MACHINE_EXEC', 'the guest runs no command agent (yet)')
      const { id, bytes } = agent.request(script)
      machine.type(1, bytes)
      return yield* waitFor(seconds, () => agent.take(id))
    },
    *until(what, seconds = DEFAULT_SECONDS) {
      let from = 0
      const name = typeof what === 'string' && what.startsWith('event:') ? what.slice('event:'.length) : undefined
      const before = name === undefined ? 0 : (events.get(name) ?? 0)
      return yield* waitFor(seconds, (): string | undefined => {
        if (name !== undefined) return (events.get(name) ?? 0) > before ? name : undefined
        if (typeof what === 'string') return screen.milestones.has(what as Milestone) ? what : undefined
        const { text } = screen
        if (text.length === from) return undefined
        from = text.length
        return what.exec(text)?.[0]
      })
    },
    *run(seconds) {
      const waited = yield* waitFor<undefined>(seconds, () => undefined)
      return 'timeout' in waited ? { value: undefined } : waited
    },
    call(name, argument) {
      if (hooks?.call === undefined)
        throw new MachineError('VMBUS_MACHINE_HOST', `the host takes no calls, asked for ${name}`, { name })
      return hooks.call(name, argument)
    },
    snapshot() {
      if (hooks !== undefined && hooks.save === undefined)
        throw new MachineError('VMBUS_MACHINE_SNAPSHOT', 'the host has no save()')
      return snapshotWith({ host: hooks?.save?.() })
    },
    bootSnapshot() {
      if (hooks === undefined) return snapshotWith({ host: undefined })
      const booted = hooks.booted?.save()
      return booted === undefined ? undefined : snapshotWith({ host: undefined, booted })
    },
    restore,
    result() {
      const ended = end()
      const why =
        options.jit === true ? 'compiled code runs as many instructions as real time allows' : hooks?.notDeterministic
      return {
        image: image.name,
        ...userlandOf(image),
        seed: machine.seed.value,
        end: ended,
        outcome: outcomeOf(ended),
        ...(screen.sign === undefined ? {} : { evidence: screen.sign.line }),
        instructions: machine.instructions,
        virtualSeconds: machine.clock.now() / TICKS_PER_SECOND,
        milestones: Object.fromEntries([...screen.milestones].map(([name, at]) => [name, at / TICKS_PER_SECOND])),
        ramSha256: sha256(machine.memory.bytes),
        consoleSha256: sha256(screen.text),
        deterministic: why === undefined,
        ...(why === undefined ? {} : { notDeterministicBecause: why }),
        events: Object.fromEntries(events),
        ...(hooks?.result === undefined ? {} : { host: hooks.result() }),
      }
    },
  }
}

function userlandOf({ agent, files = [] }: PreparedImage): Pick<SessionResult, 'userland' | 'userlandFiles'> {
  if (!agent) return { userland: 'own' }
  return files.length === 0 ? { userland: 'stock' } : { userland: 'modified', userlandFiles: files }
}

/** Raised when the machine itself changes in a way that a guest can see: older snapshots are then of another machine. */
const MODEL = 1

/** What a snapshot must have in common with the session that restores it. The seed may differ: it drives what comes after. */
export function sessionIdentity(options: Pick<SessionOptions, 'emulator' | 'image' | keyof MachineSettings>): string {
  const { emulator, image } = options
  return sha256(
    JSON.stringify([
      MODEL,
      image.digest,
      emulator.digests,
      memoryFor(image.initrd.length, options.memoryMB),
      DEFAULT_CMDLINE,
      options.cmdline ?? '',
      options.instructionNs ?? 0,
      String(options.epoch ?? ''),
      { ...DEFAULT_JITTER, ...options.jitter },
    ]),
  )
}

function machineOptions({ seed, jit, epoch, instructionNs, jitter }: MachineSettings): MachineSettings {
  return {
    ...(seed === undefined ? {} : { seed }),
    ...(jit === undefined ? {} : { jit }),
    ...(epoch === undefined ? {} : { epoch }),
    ...(instructionNs === undefined ? {} : { instructionNs }),
    ...(jitter === undefined ? {} : { jitter }),
  }
}
