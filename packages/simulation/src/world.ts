import type { GuestGeneration, HostDeviceSpec } from '@vmbus/core'
import type { HostProfile } from '@vmbus/host'
import {
  DEFAULT_EPOCH,
  TICKS_PER_MS,
  TICKS_PER_SECOND,
  anything,
  integer,
  list,
  pair,
  plainCopy,
  restoreState,
  seeded,
  stateForm,
  text,
  type Clock,
  type Timers,
} from '@vmbus/world'
import { createEventQueue, type Delay } from './event-queue.ts'
import { SimulationError } from './errors.ts'
import type { GuestContext } from './guest-life.ts'
import { createGuest, type GuestOptions, type WorldGuest } from './guest.ts'
import { worldHost, type WorldHost } from './host.ts'
import { requireLive, stepBefore, stepUntil, type Stepping } from './stepping.ts'

export interface SimulationOptions {
  /** Draws every choice of the world: the same seed and program give the same bytes. */
  readonly seed: number
  /** Wall clock of the host (FILETIME) at reference time 0; default 2024-01-01. */
  readonly epoch?: bigint
  /** Time from raising an interrupt to its delivery; default 0 to 20 µs. */
  readonly interruptDelay?: Delay
  /** Time until a guest's processor begins a task that is ready, such as a probe; default 0 to 20 µs. */
  readonly taskDelay?: Delay
}

/** Virtual time: 100 ns units, or milliseconds or seconds. */
export type Duration = number | { readonly ms: number } | { readonly seconds: number }

export interface SaveOptions {
  /** False leaves RAM out: the state is for guests that are made over the same memory and go on. Default true. */
  readonly memory?: boolean
}

export interface World extends AsyncDisposable {
  readonly seed: number
  readonly epoch: bigint
  readonly clock: Clock
  /** Things that have happened. */
  readonly steps: number
  readonly guests: readonly WorldGuest[]
  /** A Hyper-V host of a version that offers these devices, as far as that version has them. */
  host(profile: HostProfile, specs?: readonly HostDeviceSpec[]): WorldHost
  /** A guest, powered on by `attach`. */
  guest<Surface>(generation: GuestGeneration<Surface>, options?: GuestOptions): WorldGuest<Surface>
  /**
   * Timers in the world's time for something of your own, such as a virtual switch: `fired` is called with the name of the
   * one that is due. What is set is saved with the world. Throws VMBUS_SIMULATION_OPTION for a name that is taken.
   */
  timers(owner: string, fired: (name: string) => void): Timers
  /** The next thing that is due by `before` (100 ns units, default never too late); false when nothing is. */
  step(before?: number): boolean
  /** Lets virtual time pass. */
  run(duration: Duration): void
  /** Everything, as one plain value: RAM, partitions, buses, devices, systems, what is pending, the time. */
  save(options?: SaveOptions): unknown
  /**
   * Into a world that was made by the same calls. Throws VMBUS_SIMULATION_STATE for another world's state, and StateError
   * (VMBUS_STATE_INVALID) for what is none, before it touches anything.
   */
  restore(state: unknown): void
  inspect(): Record<string, unknown>
}

interface Saved {
  readonly seed: number
  readonly steps: number
  readonly queue: unknown
  readonly guests: readonly (readonly [name: string, state: unknown])[]
}

const FORM = stateForm<Saved>('world', 3, {
  seed: integer(Number.MIN_SAFE_INTEGER),
  steps: integer(),
  queue: anything,
  guests: list(pair(text, anything)),
})
const DEFAULT_DELAY: Delay = { min: 0, max: 200 }

const ticksOf = (duration: Duration): number => {
  if (typeof duration === 'number') return duration
  return 'ms' in duration ? duration.ms * TICKS_PER_MS : duration.seconds * TICKS_PER_SECOND
}

/** A world of simulated guests on Hyper-V hosts, in virtual time. */
export function simulate(options: SimulationOptions): World {
  checkSimulation(options)
  const { seed: value, epoch = DEFAULT_EPOCH, interruptDelay = DEFAULT_DELAY, taskDelay = DEFAULT_DELAY } = options
  const seed = seeded(value)
  const queue = createEventQueue(seed, epoch, interruptDelay)
  const { clock } = queue
  const ctx: Stepping = { queue, cells: new Map(), owners: new Map(), steps: 0, isDisposed: false }
  const { cells, owners } = ctx
  const given: GuestContext = {
    queue,
    clock,
    seed,
    epoch,
    taskDelay,
    until: (what, ended, name, waiting) => stepUntil(ctx, what, ended, name, waiting),
  }
  return {
    seed: value,
    epoch,
    clock,
    get steps() {
      return ctx.steps
    },
    get guests() {
      return [...cells.values()].map(({ guest }) => guest)
    },
    host: (profile, specs = []) => worldHost(profile, specs),
    guest(generation, guestOptions = {}) {
      requireLive(ctx)
      const name = guestOptions.name ?? `guest-${cells.size + 1}`
      if (cells.has(name)) throw refusedOption(`there is a guest ${name} already`)
      const cell = createGuest(given, generation, name, guestOptions)
      cells.set(name, cell)
      return cell.guest
    },
    timers(name, fired) {
      requireLive(ctx)
      const owner = `${name}/own`
      if (owners.has(owner)) throw refusedOption(`there is an owner of timers ${name} already`)
      owners.set(owner, fired)
      return queue.timers(owner)
    },
    step: (before = Infinity) => stepBefore(ctx, before),
    run(duration) {
      const end = clock.now() + ticksOf(duration)
      while (stepBefore(ctx, end));
      queue.advanceTo(end)
    },
    save({ memory = true } = {}) {
      return {
        ...FORM.head,
        seed: value,
        steps: ctx.steps,
        queue: plainCopy(queue.save()),
        guests: [...cells].map(([name, cell]) => [name, cell.save(memory)] as const),
      }
    },
    restore: (state) => restore(ctx, value, state),
    inspect: () => ({
      seed: value,
      time: clock.now() / TICKS_PER_SECOND,
      steps: ctx.steps,
      pending: queue.size,
      guests: [...cells.values()].map(({ guest }) => guest.inspect()),
    }),
    [Symbol.asyncDispose]() {
      ctx.isDisposed = true
      for (const owner of owners.keys()) queue.drop(owner)
      for (const name of cells.keys()) for (const side of ['guest', 'host']) queue.drop(`${name}/${side}`)
      return Promise.resolve()
    },
  }
}

const refusedOption = (text: string): SimulationError => new SimulationError('VMBUS_SIMULATION_OPTION', text)

function checkSimulation({ seed, interruptDelay, taskDelay }: SimulationOptions): void {
  if (!Number.isSafeInteger(seed)) throw refusedOption(`seed ${seed} is not an integer`)
  for (const { min, max } of [interruptDelay ?? DEFAULT_DELAY, taskDelay ?? DEFAULT_DELAY])
    if (!(Number.isInteger(min) && Number.isInteger(max) && min >= 0 && max >= min))
      throw refusedOption(`a delay of ${min}…${max} is not a range of ticks`)
}

function restore(ctx: Stepping, seed: number, state: unknown): void {
  const { queue, cells } = ctx
  requireLive(ctx)
  const saved = restoreState(state, FORM)
  const names = [...cells.keys()]
  if (saved.seed !== seed || saved.guests.map(([name]) => name).join() !== names.join()) {
    throw new SimulationError(
      'VMBUS_SIMULATION_STATE',
      `not a state of this world (seed ${seed}, guests ${names.join()})`,
    )
  }
  queue.checkState(saved.queue)
  const takes = saved.guests.map(([name, cell]) => cells.get(name)?.check(cell))
  // Once for the time that restored owners see, once for the timers that they set.
  queue.restore(saved.queue)
  for (const take of takes) take?.()
  queue.restore(saved.queue)
  ctx.steps = saved.steps
}
