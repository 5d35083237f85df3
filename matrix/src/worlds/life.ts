import type { Host, HostProfile } from '@vmbus/host'
import type { HostDeviceSpec } from '@vmbus/core'
import { simulate, type GuestOptions, type World, type WorldHost } from '@vmbus/simulation'
import type { Entry, Transcript } from '@vmbus/trace'
import { TICKS_PER_SECOND, seeded } from '@vmbus/world'
import type { MakeOptions, MatrixGuest } from '../guests/types.ts'
import type { EndName } from '../probes/ends.ts'
import { GuestHung, ProbeError } from '../probes/errors.ts'
import type { ProbeMachine } from '../probes/probe.ts'
import type { Lan, Medium } from '../probes/stage.ts'
import { endSpecs, newMedium, type EndSpecs } from './devices.ts'
import { freebsdSurface } from './freebsd.ts'
import { lanOf } from './lan.ts'
import { linuxSurface } from './linux.ts'
import type { Memories } from './memories.ts'
import { lazy } from './lazy.ts'
import { isOwn, type OwnSpecs } from './own-devices.ts'
import type { Surface, Waits } from './surface.ts'
import { recorder } from './transcript.ts'
import { windowsSurface } from './windows.ts'
import { memoryOf } from './worlds.ts'

export interface LifeOptions {
  readonly guest: MatrixGuest
  readonly make: MakeOptions
  readonly profile: HostProfile
  readonly ends: readonly EndName[]
  /** Those of the ends that are a user's own. */
  readonly own: OwnSpecs
  readonly machine: ProbeMachine
  readonly seed: number
  /** Steps after which the guest counts as hung. */
  readonly budget: number
  /** Told of everything that crosses. */
  readonly watch?: (entry: Entry) => void
  /** RAM that earlier guests had; default new RAM. */
  readonly memories?: Memories | undefined
}

/** One guest on one host, from power-on. */
export interface Life {
  readonly world: World
  readonly surface: Surface
  readonly host: WorldHost
  readonly attached: Host
  readonly specs: EndSpecs
  /** Of an end of ours, or of a user's own. Throws ProbeError for one that nothing is known of. */
  specOf(end: EndName): HostDeviceSpec
  lan(): Lan
  medium(end: 'storvsc' | 'fc'): Medium
  readonly provided: Map<string, Uint8Array>
  readonly transcript: Transcript
  /** Details of host ends' events that answer a request, by `name id`. */
  readonly answers: Map<string, unknown>
  /** What is done while the guest stands still for a backup. */
  snapshot: () => boolean | 'later'
  /** How often each event of a host end was told. */
  readonly heard: Map<string, number>
  readonly bootPages: number
  readonly until: Waits
}

type MachineOptions = GuestOptions & Required<Pick<GuestOptions, 'memoryMB'>>

/** The virtual machine. Its RAM goes with it when it moves: copying that would tell nothing of guest and host. */
function machineOf({ machine, ends, memories }: LifeOptions, before?: Life): MachineOptions {
  const memoryMB = machine.memoryMB ?? memoryOf(ends)
  const memory = before?.surface.guest.memory ?? memories?.take(memoryMB * PAGES_PER_MIB * PAGE)
  return {
    memoryMB,
    ...(memory === undefined ? {} : { memory }),
    vps: machine.vps ?? 1,
    clockAhead: BigInt((machine.clockAhead ?? 0) * TICKS_PER_SECOND),
  }
}

function surfaceOf({ guest, make }: LifeOptions, world: World, options: GuestOptions, until: Waits): Surface {
  if (guest.family === 'linux') return linuxSurface(world, guest.make(make), options, until)
  if (guest.family === 'freebsd') return freebsdSurface(world, guest.make(make), options, until)
  return windowsSurface(world, guest.make(make), options, until)
}

const DEFAULT_SECONDS = 60

/** Lets a world run until something holds. Throws GuestHung beyond the budget of steps. */
const waits =
  (world: World, budget: number): Waits =>
  async (what, seconds = DEFAULT_SECONDS) => {
    const deadline = world.clock.now() + seconds * TICKS_PER_SECOND
    while (!what()) {
      if (world.steps > budget) throw new GuestHung(`nothing after ${budget} steps`)
      if (world.step(deadline)) continue
      world.run(Math.max(0, deadline - world.clock.now()))
      return what()
    }
    return true
  }

/** Powers a guest on. `before` is the life that it goes on from elsewhere: its storage and its transcript stay. */
export function beginLife(options: LifeOptions, before?: Life): Life {
  const { profile, ends, own, seed, budget } = options
  const { interruptDelay } = options.machine
  const world = simulate({ seed: seeded(seed).u32('world'), ...(interruptDelay && { interruptDelay }) })
  const lan = lazy(() => lanOf({ clock: world.clock, timers: (fired) => world.timers('lan', fired) }, seed))
  const [storvsc, fc] = [lazy(() => newMedium('storvsc')), lazy(() => newMedium('fc'))]
  const until = waits(world, budget)
  const provided = before?.provided ?? new Map<string, Uint8Array>()
  const medium = before?.medium ?? ((end: 'storvsc' | 'fc'): Medium => (end === 'fc' ? fc() : storvsc()))
  const specs = endSpecs({ lan, medium, provided, snapshot: () => life.snapshot() })
  const specOf = (end: EndName): HostDeviceSpec => {
    if (!isOwn(end)) return specs[end]()
    const found = own.get(end)
    if (found === undefined) throw new ProbeError(`there is no device ${end}`)
    return found.spec
  }
  // A host offers what its profile has; of a user's own devices nobody but their fields knows.
  const host = world.host(profile, ends.filter((end) => own.get(end)?.isOffered ?? true).map(specOf))
  const machine = machineOf(options, before)
  const surface = surfaceOf(options, world, machine, until)
  const { answers, heard } = before ?? { answers: new Map<string, unknown>(), heard: new Map<string, number>() }
  surface.guest.on((event) => {
    if (event.kind !== 'host') return
    heard.set(event.name, (heard.get(event.name) ?? 0) + 1)
    if (hasId(event.detail)) answers.set(`${event.name} ${event.detail.id}`, event.detail)
  })
  const transcript = before?.transcript ?? recorder(world.clock, options.watch)
  const attached = surface.guest.attach(host, { trace: transcript.sink, goesOn: before !== undefined })
  const life: Life = {
    world,
    surface,
    host,
    attached,
    specs,
    specOf,
    lan,
    medium,
    provided,
    transcript,
    answers,
    heard,
    bootPages: machine.memoryMB * PAGES_PER_MIB,
    snapshot: before?.snapshot ?? (() => true),
    until,
  }
  return life
}

const PAGES_PER_MIB = 256
const PAGE = 4096

/** The same guest on another host, of the same version or a later one: saved on the one, restored on the other. */
export function moved(options: LifeOptions, from: Life): Life {
  const state = from.world.save({ memory: false })
  const to = beginLife(options, from)
  if (options.ends.includes('netvsc')) {
    to.lan().switch.restore(from.lan().switch.save())
    to.lan().peer.restore(from.lan().peer.save(), () => ({}))
  }
  to.world.restore(state)
  return to
}

const hasId = (detail: unknown): detail is { readonly id: number } =>
  typeof detail === 'object' && detail !== null && 'id' in detail && typeof detail.id === 'number'
