import {
  createGuestBus,
  pageAllocator,
  type GuestBus,
  type GuestGeneration,
  type GuestServices,
  type PageAllocator,
  type ShutdownAction,
} from '@vmbus/core'
import {
  anything,
  integer,
  nullable,
  number,
  oneOf,
  restoreState,
  scopedTimers,
  stateForm,
  textLike,
} from '@vmbus/world'
import { FIRMWARE, FIRST_PAGE, createFirmware, savedFirmware, type SavedFirmware } from './firmware.ts'
import { systemServices } from './services.ts'
import type { PowerState, SystemMachine } from './types.ts'

/** An operating system in its guest: power, wall clock, what is loaded, and the bus. */
export interface GuestSystem<Surface = unknown> {
  readonly bus: GuestBus
  readonly surface: Surface
  readonly power: PowerState
  /** The wall clock as a FILETIME. */
  wallClock(): bigint
  powerOn(): void
  interrupt(vp: number, vector: number): void
  timer(name: string): void
  save(): unknown
  /** Throws StateError (VMBUS_STATE_INVALID) for another kind, version or shape of the system's own. */
  checkState(state: unknown): void
  restore(state: unknown): void
  inspect(): Record<string, unknown>
}

interface State {
  power: PowerState
  /** The next step of the generation's `load`. */
  step: number
  action: ShutdownAction | null
  /** The wall clock was `base` at reference time `baseAt`. */
  base: bigint
  baseAt: number
}

interface Saved extends Omit<State, 'base'> {
  /** Decimal. */
  readonly base: string
  readonly pages: unknown
  readonly services: unknown
  readonly bus: unknown
  /** Null without one, or when it has gone. */
  readonly firmware: SavedFirmware | null
}

const FORM = stateForm<Saved>('guest-system', 4, {
  power: oneOf('off', 'booting', 'running', 'going-down', 'powered-off', 'restarting', 'hibernated'),
  step: integer(),
  action: nullable(oneOf('power-off', 'restart', 'hibernate')),
  base: textLike(/^-?\d+$/, 'a decimal number'),
  baseAt: number(0),
  pages: anything,
  services: anything,
  bus: anything,
  firmware: nullable(savedFirmware),
})

const ENDED: ReadonlySet<PowerState> = new Set(['powered-off', 'restarting', 'hibernated'])

export const hasEnded = (power: PowerState): boolean => ENDED.has(power)

/** What a system's steps share. `bus` and `firmware` are made last, over it. */
interface SystemContext {
  readonly generation: GuestGeneration<unknown>
  readonly machine: SystemMachine
  readonly state: State
  /** The firmware has the bus. */
  inFirmware: boolean
}

export function createSystem<Surface>(
  generation: GuestGeneration<Surface>,
  machine: SystemMachine,
): GuestSystem<Surface> {
  const ctx: SystemContext = {
    generation,
    machine,
    state: { power: 'off', step: 0, action: null, base: machine.realTimeClock, baseAt: 0 },
    inFirmware: false,
  }
  const { state } = ctx
  const shared = systemServices()
  const services = servicesOf(ctx, shared.service)
  const { memory } = machine.partition
  const pages = pageAllocator(memory, FIRST_PAGE, memory.size / 4096, {
    // Firmware leaves behind what it wrote.
    zeroed: generation.firmware === undefined,
  })
  const bus = createBus(ctx, services, pages)
  const surface = generation.surface(bus, services)
  const firmware = generation.firmware && createFirmware(generation.firmware, machine, () => firmwareLeft(ctx))
  const current = (): GuestBus => (ctx.inFirmware && firmware !== undefined ? firmware.bus : bus)

  return {
    get bus() {
      return current()
    },
    surface,
    get power() {
      return state.power
    },
    wallClock: services.clock.now,
    powerOn() {
      setPower(ctx, 'booting')
      if (firmware === undefined) return armNextStep(ctx)
      ctx.inFirmware = true
      firmware.start()
    },
    interrupt(vp, vector) {
      if (!hasEnded(state.power)) current().interrupt(vp, vector)
    },
    timer(name) {
      if (hasEnded(state.power)) return
      if (name === 'load') load(ctx, bus)
      else if (name === 'down') goDown(ctx, bus)
      else if (name.startsWith('bus/')) bus.timer(name.slice('bus/'.length))
      else if (name.startsWith(FIRMWARE)) firmware?.timer(name.slice(FIRMWARE.length))
    },
    save: () => ({
      ...FORM.head,
      ...state,
      base: state.base.toString(),
      pages: pages.save(),
      services: shared.save(),
      bus: bus.save(),
      firmware: ctx.inFirmware ? (firmware?.save() ?? null) : null,
    }),
    checkState: (from) => void restoreState(from, FORM),
    restore(from) {
      const { power, step, action, base, baseAt, ...saved } = restoreState(from, FORM)
      Object.assign(state, { power, step, action, base: BigInt(base), baseAt })
      pages.restore(saved.pages)
      // Before the drivers, which are made while the bus is restored and look at them.
      shared.restore(saved.services)
      bus.restore(saved.bus)
      if (saved.firmware !== null) firmware?.restore(saved.firmware)
      ctx.inFirmware = saved.firmware !== null
    },
    inspect: () => ({
      power: state.power,
      loaded: generation.load.slice(0, state.step).map(({ name }) => name),
      pagesLeft: pages.available,
      bus: current().inspect(),
    }),
  }
}

function servicesOf(ctx: SystemContext, service: GuestServices['service']): GuestServices {
  const { state, machine, generation } = ctx
  const { clock, timers } = machine
  const set = (fileTime: bigint): void => {
    state.base = fileTime
    state.baseAt = clock.now()
    machine.event({ kind: 'clock-set', fileTime })
  }
  return {
    clock: { set, discipline: set, now: () => state.base + BigInt(clock.now() - state.baseAt) },
    act(action) {
      if (state.action !== null) return
      state.action = action
      setPower(ctx, 'going-down')
      timers.set('down', clock.now() + generation.goingDown)
    },
    ramPages: machine.partition.memory.size / 4096,
    service,
  }
}

function createBus(ctx: SystemContext, services: GuestServices, pages: PageAllocator): GuestBus {
  const { generation, machine, state } = ctx
  const { partition, clock, timers, seed, diagnose } = machine
  const bus = createGuestBus({
    partition,
    vps: Math.min(partition.vps, generation.vpLimit ?? Infinity),
    versions: generation.versions,
    behaviour: generation.behaviour,
    drivers: generation.drivers(services),
    loaded: [],
    pages,
    clock,
    timers: scopedTimers(timers, 'bus'),
    seed,
    ...(diagnose === undefined ? {} : { diagnose }),
  })
  bus.on((event) => {
    machine.event(event)
    // Loading the bus driver returns once it is connected, or has given up.
    if ((event.kind === 'connected' || event.kind === 'failed') && state.power === 'booting') armNextStep(ctx)
    if (event.kind === 'suspended' && state.action === 'hibernate') setPower(ctx, 'hibernated')
  })
  return bus
}

function firmwareLeft(ctx: SystemContext): void {
  ctx.inFirmware = false
  armNextStep(ctx)
}

function setPower({ state, machine }: SystemContext, power: PowerState): void {
  state.power = power
  machine.event({ kind: 'power', power })
}

function armNextStep(ctx: SystemContext): void {
  const { generation, machine, state } = ctx
  const next = generation.load[state.step]
  if (next === undefined) setPower(ctx, 'running')
  else machine.timers.set('load', machine.clock.now() + next.after)
}

function load(ctx: SystemContext, bus: GuestBus): void {
  const { generation, machine, state } = ctx
  const step = generation.load[state.step]
  if (step === undefined) return
  state.step++
  // A module that needs the bus driver does not load without it.
  const loaded = step.kinds.length === 0 || bus.phase !== 'failed'
  machine.event({ kind: 'module', name: step.name, loaded })
  if (step.kinds.length === 0) return bus.start()
  if (loaded) bus.load(step.kinds)
  armNextStep(ctx)
}

function goDown(ctx: SystemContext, bus: GuestBus): void {
  if (ctx.state.action === 'hibernate') bus.suspend()
  else setPower(ctx, ctx.state.action === 'restart' ? 'restarting' : 'powered-off')
}
