import type { AttachedHost, GuestGeneration, HostSystem } from '@vmbus/core'
import type { GuestMemory } from '@vmbus/hypervisor'
import { seeded, type Clock, type Diagnose, type Seed, type TraceSink } from '@vmbus/world'
import { SimulationError } from './errors.ts'
import type { Delay, EventQueue } from './event-queue.ts'
import { createSystem, hasEnded, type GuestSystem } from './system.ts'
import type { GuestEvent, PowerState, UntilOptions } from './types.ts'

export interface AttachOptions {
  /** Sees what crosses between guest and host, as the host sees it: the sink of a transcript of @vmbus/trace. */
  readonly trace?: TraceSink
  readonly diagnose?: Diagnose
  /** Not powered on: a state saved elsewhere is restored next, over the same RAM where that was left out. Default false. */
  readonly goesOn?: boolean
}

/** What a guest is given of its world. */
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

/** A guest over its lives, one for each time that it is attached. */
export interface GuestLife<Surface> {
  readonly world: GuestContext
  readonly generation: GuestGeneration<Surface>
  readonly name: string
  readonly memory: GuestMemory
  readonly vps: number
  readonly clockAhead: bigint
  readonly listeners: Set<(event: GuestEvent) => void>
  /** Owners of timers and interrupts: pausing the guest holds its own, never the host's. */
  readonly guestOwner: string
  readonly hostOwner: string
  attached: Attached<Surface> | undefined
}

export const powerOf = ({ attached }: GuestLife<unknown>): PowerState => attached?.system.power ?? 'off'

export function current<Surface>({ name, attached }: GuestLife<Surface>): Attached<Surface> {
  if (attached === undefined) throw new SimulationError('VMBUS_SIMULATION_STATE', `${name} is not attached to a host`)
  return attached
}

function emit({ world, listeners, guestOwner, hostOwner }: GuestLife<unknown>, event: GuestEvent): void {
  for (const listener of listeners) listener(event)
  if (event.kind !== 'power' || !hasEnded(event.power)) return
  world.queue.drop(guestOwner)
  world.queue.drop(hostOwner)
}

/** Powers the guest on, on this host. */
export function attach<Surface, A extends AttachedHost>(
  life: GuestLife<Surface>,
  host: HostSystem<A>,
  { trace, diagnose, goesOn = false }: AttachOptions = {},
): A {
  const { world, generation, name, memory } = life
  if (life.attached !== undefined && !hasEnded(life.attached.system.power)) {
    throw new SimulationError('VMBUS_SIMULATION_STATE', `${name} is attached to ${life.attached.hostName} already`)
  }
  // Power-on: nothing of an earlier life is left. A first life begins with zeros as they are.
  if (life.attached !== undefined) memory.bytes.fill(0)
  const shared = { ...(trace === undefined ? {} : { trace }), ...(diagnose === undefined ? {} : { diagnose }) }
  const seed = seeded(world.seed.u32('guest', name))
  const made = host.attach({
    memory,
    clock: world.clock,
    timers: world.queue.timers(life.hostOwner),
    seed: seeded(seed.u32('host')),
    vps: life.vps,
    interrupt: (vp, vector) => world.queue.raise(life.guestOwner, vp, vector),
    event: (event, detail) => emit(life, { kind: 'host', name: event, detail }),
    crashed: (report) => emit(life, { kind: 'crashed', report }),
    ...shared,
  })
  const system = createSystem(generation, {
    partition: made.partition,
    clock: world.clock,
    timers: world.queue.timers(life.guestOwner, world.taskDelay),
    seed: seeded(seed.u32('system')),
    realTimeClock: world.epoch + life.clockAhead,
    event: (event) => emit(life, event),
    ...(diagnose === undefined ? {} : { diagnose }),
  })
  life.attached = { host: made, hostName: host.name, system }
  if (!goesOn) system.powerOn()
  return made
}
