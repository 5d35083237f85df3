import type { AttachedHost, GuestBus, GuestGeneration, HostSystem, VmbusVersion } from '@vmbus/core'
import { guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import {
  anything,
  bytes,
  nullable,
  plainCopy,
  restoreState,
  seeded,
  stateForm,
  text,
  type Clock,
  type Diagnose,
  type Seed,
  type TraceSink,
} from '@vmbus/world'
import type { EventQueue, Delay, Due } from './event-queue.ts'
import { SimulationError } from './errors.ts'
import { worldInterface, type NetOf } from './net.ts'
import { createSystem, hasEnded, type GuestSystem } from './system.ts'
import type { Awaited, GuestEvent, PowerState } from './types.ts'

export interface GuestOptions {
  /** Names the guest in events, seeds and saved worlds; default `guest-1`, `guest-2`, … */
  readonly name?: string
  /** RAM in MiB, default 4. */
  readonly memoryMB?: number
  /** RAM, instead of its own: zeros, or that of a guest which goes on here. `memoryMB` is not looked at then. */
  readonly memory?: GuestMemory
  /** Virtual processors, default 1. */
  readonly vps?: number
  /** How far the guest's battery-backed clock is ahead of the host's, in 100 ns units; default 0. */
  readonly clockAhead?: bigint
}

export interface AttachOptions {
  /** Sees what crosses between guest and host, as the host sees it: the sink of a transcript of @vmbus/trace. */
  readonly trace?: TraceSink
  readonly diagnose?: Diagnose
  /** Not powered on: a state saved elsewhere is restored next, over the same RAM where that was left out. Default false. */
  readonly goesOn?: boolean
}

export interface UntilOptions {
  /** Virtual seconds, default 60. */
  readonly seconds?: number
  readonly signal?: AbortSignal
}

/** A simulated guest in a world. */
export interface WorldGuest<Surface = unknown> {
  readonly name: string
  readonly generation: GuestGeneration<Surface>
  readonly memory: GuestMemory
  readonly power: PowerState
  /** The VMBus version in force, 0 while there is none. */
  readonly version: VmbusVersion
  readonly bus: GuestBus
  /** What the operating system shows. */
  readonly surface: Surface
  /** A network interface of the system: that of `surface.net(name)`, whose `ping` lets the world run until it is answered. */
  net(name: string): NetOf<Surface>
  /** The guest's wall clock, FILETIME. */
  wallClock(): bigint
  /** Powers the guest on, on this host; again after it has ended, as a restart does. */
  attach<A extends AttachedHost>(host: HostSystem<A>, options?: AttachOptions): A
  /**
   * Lets the world run until the guest is in a state or has an event. Rejects with VMBUS_SIMULATION_TIMEOUT, with
   * VMBUS_SIMULATION_ENDED when the guest has gone, or with VMBUS_SIMULATION_IDLE when nothing is left to happen.
   */
  until(what: Awaited, options?: UntilOptions): Promise<void>
  /** Takes the processors away: interrupts and timers of the guest wait for `resume`; its host goes on. */
  pause(): void
  resume(): void
  /** Returns the way to stop. */
  on(listener: (event: GuestEvent) => void): () => void
  inspect(): Record<string, unknown>
}

/** The world's side of a guest. */
export interface GuestCell<Surface = unknown> {
  readonly guest: WorldGuest<Surface>
  run(due: Due): void
  /** `memory`: with RAM. */
  save(memory: boolean): unknown
  /** Throws for a state of another guest: nothing has been touched. */
  checkState(state: unknown): void
  restore(state: unknown): void
}

export interface GuestContext {
  readonly queue: EventQueue
  readonly clock: Clock
  readonly seed: Seed
  readonly epoch: bigint
  readonly taskDelay: Delay
  until(what: () => boolean, ended: () => string | undefined, name: string, options: UntilOptions): Promise<void>
}

interface Attached<Surface> {
  readonly host: AttachedHost
  readonly hostName: string
  readonly system: GuestSystem<Surface>
}

interface Saved {
  readonly host: string
  /** Null where it is handed over by itself. */
  readonly memory: Uint8Array | null
  readonly hostState: unknown
  readonly system: unknown
}

const FORM = stateForm<Saved>('world-guest', 3, {
  host: text,
  memory: nullable(bytes()),
  hostState: anything,
  system: anything,
})

/** What was waited for did not happen, and the guest is still there. */
const NOT_IN_TIME: ReadonlySet<string> = new Set(['VMBUS_SIMULATION_TIMEOUT', 'VMBUS_SIMULATION_IDLE'])

export function createGuest<Surface>(
  ctx: GuestContext,
  generation: GuestGeneration<Surface>,
  name: string,
  options: GuestOptions,
): GuestCell<Surface> {
  const { queue, clock } = ctx
  const { memoryMB = 4, vps = 1, clockAhead = 0n } = options
  const memory = options.memory ?? guestMemory(Math.round(memoryMB * 256) * 4096)
  const listeners = new Set<(event: GuestEvent) => void>()
  // Owners of timers and interrupts: pausing the guest holds its own, never the host's.
  const [guestOwner, hostOwner] = [`${name}/guest`, `${name}/host`]
  let attached: Attached<Surface> | undefined

  function emit(event: GuestEvent): void {
    for (const listener of listeners) listener(event)
    if (event.kind === 'power' && hasEnded(event.power)) {
      queue.drop(guestOwner)
      queue.drop(hostOwner)
    }
  }

  function current(): Attached<Surface> {
    if (attached === undefined) throw new SimulationError('VMBUS_SIMULATION_STATE', `${name} is not attached to a host`)
    return attached
  }

  function attach<A extends AttachedHost>(
    host: HostSystem<A>,
    { trace, diagnose, goesOn = false }: AttachOptions = {},
  ): A {
    if (attached !== undefined && !hasEnded(attached.system.power)) {
      throw new SimulationError('VMBUS_SIMULATION_STATE', `${name} is attached to ${attached.hostName} already`)
    }
    // Power-on: nothing of an earlier life is left. A first life begins with zeros as they are.
    if (attached !== undefined) memory.bytes.fill(0)
    const shared = { ...(trace === undefined ? {} : { trace }), ...(diagnose === undefined ? {} : { diagnose }) }
    const seed = seeded(ctx.seed.u32('guest', name))
    const made = host.attach({
      memory,
      clock,
      timers: queue.timers(hostOwner),
      seed: seeded(seed.u32('host')),
      vps,
      interrupt: (vp, vector) => queue.raise(guestOwner, vp, vector),
      event: (event, detail) => emit({ kind: 'host', name: event, detail }),
      crashed: (report) => emit({ kind: 'crashed', report }),
      ...shared,
    })
    const system = createSystem(generation, {
      partition: made.partition,
      clock,
      timers: queue.timers(guestOwner, ctx.taskDelay),
      seed: seeded(seed.u32('system')),
      realTimeClock: ctx.epoch + clockAhead,
      event: emit,
      ...(diagnose === undefined ? {} : { diagnose }),
    })
    attached = { host: made, hostName: host.name, system }
    if (!goesOn) system.powerOn()
    return made
  }

  const power = (): PowerState => attached?.system.power ?? 'off'

  /** States hold already; everything else is the next event of its name. */
  function reached(what: Awaited): boolean {
    const bus = attached?.system.bus
    if (what === 'connected') return bus !== undefined && bus.version !== 0
    if (what === 'offers-delivered') return bus?.phase === 'running'
    if (what === 'failed') return bus?.phase === 'failed'
    return what === power()
  }

  async function until(what: Awaited, waiting: UntilOptions = {}): Promise<void> {
    current()
    let happened = reached(what)
    const stop = on((event) => {
      happened ||= reached(what) || isEvent(event, what)
    })
    try {
      await ctx.until(
        () => happened,
        () => (hasEnded(power()) ? power() : undefined),
        `${name}: ${what}`,
        waiting,
      )
    } finally {
      stop()
    }
  }

  async function happens(what: () => boolean, label: string, waiting: UntilOptions): Promise<boolean> {
    const end = (): string | undefined => (hasEnded(power()) ? power() : undefined)
    try {
      await ctx.until(what, end, `${name}: ${label}`, waiting)
      return true
    } catch (error) {
      if (error instanceof SimulationError && NOT_IN_TIME.has(error.code)) return false
      throw error
    }
  }

  function on(listener: (event: GuestEvent) => void): () => void {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  const guest: WorldGuest<Surface> = {
    name,
    generation,
    memory,
    get power() {
      return power()
    },
    get version() {
      return attached?.system.bus.version ?? 0
    },
    get bus() {
      return current().system.bus
    },
    get surface() {
      return current().system.surface
    },
    net: (interfaceName) =>
      worldInterface(current().system.surface, interfaceName, generation.name, happens) as NetOf<Surface>,
    wallClock: () => current().system.wallClock(),
    attach,
    until,
    pause: () => queue.hold(guestOwner),
    resume: () => queue.release(guestOwner),
    on,
    inspect: () => ({
      name,
      generation: generation.name,
      power: power(),
      ...(attached === undefined ? {} : { system: attached.system.inspect(), host: attached.host.inspect() }),
    }),
  }
  return {
    guest,
    run(due) {
      const { host, system } = current()
      if (due.owner === hostOwner) {
        if (due.kind === 'timer') host.timer(due.name)
      } else if (due.kind === 'interrupt') system.interrupt(due.vp, due.vector)
      else system.timer(due.name)
    },
    save(withMemory) {
      if (attached === undefined) return null
      const { host, hostName, system } = attached
      const parts = plainCopy({ hostState: host.save(), system: system.save() })
      return { ...FORM.head, host: hostName, memory: withMemory ? memory.bytes.slice() : null, ...parts }
    },
    checkState: (state) => void check(state),
    restore(state) {
      const saved = check(state)
      if (saved === null) return
      if (saved.memory !== null) memory.bytes.set(saved.memory)
      current().host.restore(saved.hostState)
      current().system.restore(saved.system)
    },
  }

  function check(state: unknown): Saved | null {
    const saved = state === null ? null : restoreState(state, FORM)
    if (saved?.host !== attached?.hostName) {
      throw new SimulationError(
        'VMBUS_SIMULATION_STATE',
        `${name} was saved on ${saved?.host ?? 'no host'}, is on ${attached?.hostName ?? 'no host'}`,
      )
    }
    if (saved === null || attached === undefined) return null
    if (saved.memory !== null && saved.memory.length !== memory.size) {
      throw new SimulationError('VMBUS_SIMULATION_STATE', `${name} was saved with ${saved.memory.length} bytes of RAM`)
    }
    attached.host.checkState?.(saved.hostState)
    attached.system.checkState(saved.system)
    return saved
  }
}

function isEvent(event: GuestEvent, what: Awaited): boolean {
  if (event.kind === 'host') return what === `host:${event.name}`
  if (event.kind === 'driver') return what === 'driver' || what === `driver:${event.name}`
  return event.kind === what
}
