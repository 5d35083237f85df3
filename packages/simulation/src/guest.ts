import type { AttachedHost, GuestBus, GuestGeneration, HostSystem, VmbusVersion } from '@vmbus/core'
import { guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import { anything, nullable, restoreState, stateForm, text, ShapeMismatch, type Shape } from '@vmbus/world'
import { SimulationError } from './errors.ts'
import type { Due } from './event-queue.ts'
import { attach, current, powerOf, type AttachOptions, type GuestContext, type GuestLife } from './guest-life.ts'
import { worldInterface, type NetOf } from './net.ts'
import type { Awaited, GuestEvent, PowerState, UntilOptions } from './types.ts'
import { listen, until, untilTrue } from './waiting.ts'

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
  /** What takes a state over. Throws for one of another guest: nothing has been touched. */
  check(state: unknown): () => void
}

interface Saved {
  readonly host: string
  /** Null where it is handed over by itself. */
  readonly memory: Uint8Array | null
  readonly hostState: unknown
  readonly system: unknown
}

/** As it is: it is copied once, into the guest's own. */
const ram: Shape<Uint8Array> = (value, at) => {
  if (value instanceof Uint8Array) return value
  throw new ShapeMismatch(at, value, 'bytes')
}

const FORM = stateForm<Saved>('world-guest', 3, {
  host: text,
  memory: nullable(ram),
  hostState: anything,
  system: anything,
})

export function createGuest<Surface>(
  world: GuestContext,
  generation: GuestGeneration<Surface>,
  name: string,
  options: GuestOptions,
): GuestCell<Surface> {
  const { memoryMB = 4, vps = 1, clockAhead = 0n } = options
  const life: GuestLife<Surface> = {
    world,
    generation,
    name,
    memory: options.memory ?? guestMemory(Math.round(memoryMB * 256) * 4096),
    vps,
    clockAhead,
    listeners: new Set(),
    guestOwner: `${name}/guest`,
    hostOwner: `${name}/host`,
    attached: undefined,
  }
  return {
    guest: worldGuest(life),
    run(due) {
      const { host, system } = current(life)
      if (due.owner === life.hostOwner) {
        if (due.kind === 'timer') host.timer(due.name)
      } else if (due.kind === 'interrupt') system.interrupt(due.vp, due.vector)
      else system.timer(due.name)
    },
    save(withMemory) {
      if (life.attached === undefined) return null
      const { host, hostName, system } = life.attached
      const [hostState, systemState] = [host.save(), system.save()]
      const memory = withMemory ? life.memory.bytes.slice() : null
      return { ...FORM.head, host: hostName, memory, hostState, system: systemState }
    },
    check(state) {
      const saved = check(life, state)
      if (saved === null) return () => {}
      const { host, system } = current(life)
      const takeHost = host.checkState?.(saved.hostState) ?? (() => host.restore(saved.hostState))
      system.checkState(saved.system)
      return () => {
        if (saved.memory !== null) life.memory.bytes.set(saved.memory)
        takeHost()
        system.restore(saved.system)
      }
    },
  }
}

function worldGuest<Surface>(life: GuestLife<Surface>): WorldGuest<Surface> {
  const { world, generation, name, memory } = life
  return {
    name,
    generation,
    memory,
    get power() {
      return powerOf(life)
    },
    get version() {
      return life.attached?.system.bus.version ?? 0
    },
    get bus() {
      return current(life).system.bus
    },
    get surface() {
      return current(life).system.surface
    },
    net: (interfaceName) =>
      worldInterface(current(life).system.surface, interfaceName, generation.name, (what, label, waiting) =>
        untilTrue(life, what, label, waiting),
      ) as NetOf<Surface>,
    wallClock: () => current(life).system.wallClock(),
    attach: (host, attachOptions) => attach(life, host, attachOptions),
    until: (what, waiting) => until(life, what, waiting),
    pause: () => world.queue.hold(life.guestOwner),
    resume: () => world.queue.release(life.guestOwner),
    on: (listener) => listen(life, listener),
    inspect: () => ({
      name,
      generation: generation.name,
      power: powerOf(life),
      ...(life.attached && { system: life.attached.system.inspect(), host: life.attached.host.inspect() }),
    }),
  }
}

/** Throws for a state of another guest. */
function check({ name, memory, attached }: GuestLife<unknown>, state: unknown): Saved | null {
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
  return saved
}
