import {
  createGuestBus,
  pageAllocator,
  type GuestBus,
  type GuestGeneration,
  type GuestServices,
  type ShutdownAction,
} from '@vmbus/core'
import type { Partition } from '@vmbus/hypervisor'
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
  type Clock,
  type Diagnose,
  type Seed,
  type Timers,
} from '@vmbus/world'
import { FIRMWARE, FIRST_PAGE, createFirmware, savedFirmware, type SavedFirmware } from './firmware.ts'
import { systemServices } from './services.ts'
import type { GuestEvent, PowerState } from './types.ts'

/** What an operating system runs on. */
export interface SystemMachine {
  readonly partition: Partition
  readonly clock: Clock
  readonly timers: Timers
  readonly seed: Seed
  /** The system's wall clock (FILETIME) at reference time 0, as its battery-backed clock has it. */
  readonly realTimeClock: bigint
  readonly diagnose?: Diagnose
  event(event: GuestEvent): void
}

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

export function createSystem<Surface>(
  generation: GuestGeneration<Surface>,
  machine: SystemMachine,
): GuestSystem<Surface> {
  const { partition, clock, timers } = machine
  const { memory } = partition
  let state: State = { power: 'off', step: 0, action: null, base: machine.realTimeClock, baseAt: 0 }

  /** The firmware has the bus. */
  let inFirmware = false

  const wallClock = (): bigint => state.base + BigInt(clock.now() - state.baseAt)
  const setClock = (fileTime: bigint): void => {
    state.base = fileTime
    state.baseAt = clock.now()
    machine.event({ kind: 'clock-set', fileTime })
  }
  const shared = systemServices()
  const services: GuestServices = {
    clock: { set: setClock, discipline: setClock, now: wallClock },
    act(action) {
      if (state.action !== null) return
      state.action = action
      setPower('going-down')
      timers.set('down', clock.now() + generation.goingDown)
    },
    ramPages: memory.size / 4096,
    service: shared.service,
  }
  const pages = pageAllocator(memory, FIRST_PAGE, memory.size / 4096, {
    // Firmware leaves behind what it wrote.
    zeroed: generation.firmware === undefined,
  })
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
    seed: machine.seed,
    ...(machine.diagnose === undefined ? {} : { diagnose: machine.diagnose }),
  })
  bus.on((event) => {
    machine.event(event)
    // Loading the bus driver returns once it is connected, or has given up.
    if ((event.kind === 'connected' || event.kind === 'failed') && state.power === 'booting') armNextStep()
    if (event.kind === 'suspended' && state.action === 'hibernate') setPower('hibernated')
  })

  const surface = generation.surface(bus, services)
  const firmware =
    generation.firmware === undefined
      ? undefined
      : createFirmware(generation.firmware, machine, () => {
          inFirmware = false
          armNextStep()
        })

  function setPower(power: PowerState): void {
    state.power = power
    machine.event({ kind: 'power', power })
  }

  function armNextStep(): void {
    const next = generation.load[state.step]
    if (next === undefined) setPower('running')
    else timers.set('load', clock.now() + next.after)
  }

  function load(): void {
    const step = generation.load[state.step]
    if (step === undefined) return
    state.step++
    // A module that needs the bus driver does not load without it.
    const loaded = step.kinds.length === 0 || bus.phase !== 'failed'
    machine.event({ kind: 'module', name: step.name, loaded })
    if (step.kinds.length === 0) return bus.start()
    if (loaded) bus.load(step.kinds)
    armNextStep()
  }

  function goDown(): void {
    if (state.action === 'hibernate') bus.suspend()
    else setPower(state.action === 'restart' ? 'restarting' : 'powered-off')
  }

  const current = (): GuestBus => (inFirmware && firmware !== undefined ? firmware.bus : bus)

  return {
    get bus() {
      return current()
    },
    surface,
    get power() {
      return state.power
    },
    wallClock,
    powerOn() {
      setPower('booting')
      if (firmware === undefined) return armNextStep()
      inFirmware = true
      firmware.start()
    },
    interrupt(vp, vector) {
      if (!hasEnded(state.power)) current().interrupt(vp, vector)
    },
    timer(name) {
      if (hasEnded(state.power)) return
      if (name === 'load') load()
      else if (name === 'down') goDown()
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
      firmware: inFirmware ? (firmware?.save() ?? null) : null,
    }),
    checkState: (from) => void restoreState(from, FORM),
    restore(from) {
      const { power, step, action, base, baseAt, ...saved } = restoreState(from, FORM)
      state = { power, step, action, base: BigInt(base), baseAt }
      pages.restore(saved.pages)
      // Before the drivers, which are made while the bus is restored and look at them.
      shared.restore(saved.services)
      bus.restore(saved.bus)
      if (saved.firmware !== null) firmware?.restore(saved.firmware)
      inFirmware = saved.firmware !== null
    },
    inspect: () => ({
      power: state.power,
      loaded: generation.load.slice(0, state.step).map(({ name }) => name),
      pagesLeft: pages.available,
      bus: current().inspect(),
    }),
  }
}
