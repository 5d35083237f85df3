import { TICKS_PER_SECOND, restoreState } from '@vmbus/world'
import { readBzImage } from './boot/bzimage.ts'
import { loadLinux } from './boot/linux.ts'
import { createMachine } from './emulator/machine.ts'
import type { Machine } from './emulator/machine-types.ts'
import { MachineError, reasonOf } from './errors.ts'
import { createAgent, type Agent } from './guest/agent.ts'
import { createConsole, type Console } from './guest/console.ts'
import { outcomeOf, type GuestEnd, type Milestone } from './guest/outcome.ts'
import { startHost, type HostLife } from './host-life.ts'
import { sha256 } from './image/cache.ts'
import type { PreparedImage } from './image/image-types.ts'
import { SESSION_OPTIONS, checkOptions } from './options.ts'
import { DEFAULT_CMDLINE, SESSION_STATE, memoryFor, sessionIdentity } from './session-identity.ts'
import type {
  MachineSettings,
  Session,
  SessionOptions,
  SessionResult,
  SessionSnapshot,
  Waited,
} from './session-types.ts'

/** Calls of the emulator between two yields: some milliseconds of real time. */
const CHUNK = 20
const DEFAULT_SECONDS = 60
const DEFAULT_HANG_SECONDS = 30
/** Virtual seconds that a command that was killed has to be gone. */
const KILL_SECONDS = 5

export function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** One life of a machine with its guest and host. */
interface Life {
  readonly options: SessionOptions
  readonly identity: string
  readonly machine: Machine
  readonly agent: Agent
  readonly screen: Console
  readonly host: HostLife
  /** Names of the host's events, in order. */
  readonly events: readonly string[]
  readonly progress: { at: number; isHung: boolean }
}

/** A session where a snapshot stands, as `createSession` with `from`, at once. */
export function resumeSession(given: SessionOptions & Required<Pick<SessionOptions, 'from'>>): Session {
  const options = checkOptions('resumeSession', SESSION_OPTIONS, given)
  const life = begin(options)
  try {
    restore(life, given.from)
  } catch (error) {
    closeAtEnd(life)
    throw error
  }
  return session(life)
}

/** A session at power-on, or where `options.from` stands. Throws what the host's factory throws. */
export async function createSession(given: SessionOptions): Promise<Session> {
  const options = checkOptions('createSession', SESSION_OPTIONS, given)
  if (options.from !== undefined) return resumeSession({ ...options, from: options.from })
  const kernel = await readBzImage(options.image.bzImage)
  const life = begin(options)
  try {
    const { initrd } = options.image
    const cmdline = options.cmdline === undefined ? DEFAULT_CMDLINE : `${DEFAULT_CMDLINE} ${options.cmdline}`
    const { entry, bootParams } = loadLinux(life.machine.memory, { kernel, initrd, cmdline })
    life.machine.start(entry, bootParams)
  } catch (error) {
    closeAtEnd(life)
    throw error
  }
  return session(life)
}

function begin(options: SessionOptions): Life {
  const events: string[] = []
  const progress = { at: 0, isHung: false }
  const screen = createConsole((text) => options.onConsole?.(text))
  const agent = createAgent((bytes) => machine.type(1, bytes))
  const machine = createMachine({
    ...machineOptions(options),
    emulator: options.emulator,
    memoryMB: memoryFor(options.image.initrd.length, options.memoryMB),
    serial(port, value) {
      progress.at = machine.instructions
      if (port === 0) return screen.byte(value, machine.clock.now())
      agent.byte(value)
      if (agent.ready) screen.reach('agent', machine.clock.now())
    },
  })
  const host = startHost(machine, options.host, options.hostOptions, {
    emit(name, detail) {
      progress.at = machine.instructions
      events.push(name)
      options.onEvent?.({ name, at: machine.clock.now(), ...(detail === undefined ? {} : { detail }) })
    },
    diagnose: (diagnostic) => options.onEvent?.({ name: 'diagnostic', at: machine.clock.now(), detail: diagnostic }),
  })
  return { options, identity: sessionIdentity(options), machine, agent, screen, host, events, progress }
}

function restore(life: Life, snapshot: SessionSnapshot): void {
  const { host, machine, agent, screen } = life
  if (host.closed) throw new MachineError('VMBUS_MACHINE_STOPPED', "the session's host is closed")
  const saved = restoreState(snapshot, SESSION_STATE)
  if (saved.identity !== life.identity)
    throw new MachineError('VMBUS_MACHINE_SNAPSHOT', 'the snapshot is of another image, emulator or machine size')
  if (saved.booted !== undefined && saved.seen !== host.seen)
    throw new MachineError('VMBUS_MACHINE_SNAPSHOT', 'the guest of the snapshot booted on another host')
  machine.restore(saved.machine)
  agent.restore(saved.agent)
  screen.restore(saved.console)
  if (saved.booted === undefined) host.hooks?.restore?.(saved.host)
  else restoreBooted(host, saved.booted)
  life.progress.isHung = false
}

function restoreBooted({ hooks }: HostLife, booted: unknown): void {
  try {
    hooks?.booted?.restore(booted)
  } catch (cause) {
    throw new MachineError('VMBUS_MACHINE_SNAPSHOT', `the host does not take its state: ${reasonOf(cause)}`, {}, cause)
  }
}

function endOf({ screen, progress, machine }: Life): GuestEnd | undefined {
  return screen.sign?.end ?? (progress.isHung ? 'hung' : undefined) ?? machine.ended
}

/** A guest that has ended needs its disks no more. Why they cannot be closed is told, and hides no result. */
function closeAtEnd({ host, options, machine }: Life): void {
  try {
    host.close()
  } catch (error) {
    const detail = { code: 'VMBUS_MACHINE_HOST', source: 'host', message: `cannot be closed: ${reasonOf(error)}` }
    options.onEvent?.({ name: 'diagnostic', at: machine.clock.now(), detail })
  }
}

/**
 * A guest whose processor takes interrupts is busy, however long: its kernel's own watchdogs tell when it is stuck. One that
 * takes none for long and says nothing can tell no more.
 */
function* waitFor<T>(life: Life, seconds: number, found: () => T | undefined): Generator<void, Waited<T>> {
  const { machine, progress, options } = life
  const { hangSeconds = DEFAULT_HANG_SECONDS, instructionNs = 10 } = options
  const hangInstructions = (hangSeconds * 1e9) / instructionNs
  const deadline = machine.clock.now() + seconds * TICKS_PER_SECOND
  progress.at = machine.instructions
  for (;;) {
    const value = found()
    if (value !== undefined) return { value }
    const ended = endOf(life)
    if (ended !== undefined) {
      closeAtEnd(life)
      return { ended }
    }
    if (machine.clock.now() >= deadline) return { timeout: true }
    machine.run(deadline, CHUNK)
    if (!machine.interruptsOff) progress.at = machine.instructions
    if (machine.instructions - progress.at > hangInstructions) progress.isHung = true
    yield
  }
}

function snapshotWith(life: Life, host: Pick<SessionSnapshot, 'host' | 'booted' | 'seen'>): SessionSnapshot {
  const ended = endOf(life)
  if (ended !== undefined) throw new MachineError('VMBUS_MACHINE_SNAPSHOT', `the guest has ended: ${ended}`)
  return {
    ...SESSION_STATE.head,
    identity: life.identity,
    machine: life.machine.save(),
    agent: life.agent.save(),
    console: life.screen.save(),
    ...host,
  }
}

function session(life: Life): Session {
  const { machine, agent, screen, host, events } = life
  const { hooks } = host
  return {
    machine,
    get console() {
      return screen.text
    },
    get end() {
      return endOf(life)
    },
    get eventCount() {
      return events.length
    },
    *exec(script, seconds = DEFAULT_SECONDS) {
      if (!agent.ready) throw new MachineError('VMBUS_MACHINE_EXEC', 'the guest runs no command agent (yet)')
      const id = agent.begin(script)
      const waited = yield* waitFor(life, seconds, () => agent.take(id))
      if ('timeout' in waited && agent.kill(id)) yield* waitFor(life, KILL_SECONDS, () => agent.take(id))
      return waited
    },
    *until(what, seconds = DEFAULT_SECONDS, after = events.length) {
      const name = typeof what === 'string' && what.startsWith('event:') ? what.slice('event:'.length) : undefined
      let from = name === undefined ? 0 : after
      return yield* waitFor(life, seconds, (): string | undefined => {
        if (name !== undefined) {
          const at = events.indexOf(name, from)
          from = events.length
          return at < 0 ? undefined : name
        }
        if (typeof what === 'string') return screen.milestones.has(what as Milestone) ? what : undefined
        const { text } = screen
        if (text.length === from) return undefined
        from = text.length
        return what.exec(text)?.[0]
      })
    },
    *run(seconds) {
      const waited = yield* waitFor<undefined>(life, seconds, () => undefined)
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
      return snapshotWith(life, { host: hooks?.save?.() })
    },
    bootSnapshot() {
      if (hooks === undefined) return snapshotWith(life, { host: undefined })
      const booted = hooks.booted?.save()
      return booted === undefined ? undefined : snapshotWith(life, { host: undefined, booted, seen: host.seen })
    },
    restore: (snapshot) => restore(life, snapshot),
    result: () => resultOf(life),
    close: () => host.close(),
  }
}

function resultOf(life: Life): SessionResult {
  const { options, machine, screen, host, events } = life
  const ended = endOf(life)
  const why =
    options.jit === true ? 'compiled code runs as many instructions as real time allows' : host.notDeterministic()
  const measured = host.result()
  const counts = new Map<string, number>()
  for (const name of events) counts.set(name, (counts.get(name) ?? 0) + 1)
  return {
    image: options.image.name,
    ...userlandOf(options.image),
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
    events: Object.fromEntries(counts),
    ...(measured === undefined ? {} : { host: measured }),
  }
}

function userlandOf({ agent, files = [] }: PreparedImage): Pick<SessionResult, 'userland' | 'userlandFiles'> {
  if (!agent) return { userland: 'own' }
  return files.length === 0 ? { userland: 'stock' } : { userland: 'modified', userlandFiles: files }
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
