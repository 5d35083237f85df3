import { profileOf, type Host, type HostProfile } from '@vmbus/host'
import type { Entry } from '@vmbus/trace'
import { seeded } from '@vmbus/world'
import type { MakeOptions, MatrixGuest } from '../guests/types.ts'
import type { HostDevice } from '@vmbus/core'
import type { Answers, EndName, Ends, OurEnd, OwnDevice } from '../probes/ends.ts'
import { ProbeError } from '../probes/errors.ts'
import { draw, type Failure } from '../probes/property.ts'
import { DEFAULT_RUNS, type Probe } from '../probes/probe.ts'
import type { ExchangeStep } from '@vmbus/report'
import type { Stage, StageDisk } from '../probes/stage.ts'
import { OURS, type Registry } from '../registry/registry.ts'
import { contactOf } from './contact.ts'
import { FABRIC } from './devices.ts'
import { exchangeOf } from './exchange.ts'
import { nextHost, projectedHost } from './hosts.ts'
import type { Memories } from './memories.ts'
import { beginLife, moved, type Life, type LifeOptions } from './life.ts'
import { ownSpecs } from './own-devices.ts'
import { stageDisk, type Waits } from './surface.ts'
import { crossed } from './transcript.ts'
import { view } from './view.ts'
import { tracedWith } from './traced.ts'
import { endsOf } from './worlds.ts'

export interface SimulatedOptions {
  readonly probe: Probe
  readonly guest: MatrixGuest
  readonly profile: HostProfile
  /** Where the two are from; default: what this package knows itself. */
  readonly registry?: Registry
  readonly seed: number
  /** Values that each property draws. */
  readonly runs: number
  /** The guest and the host with all that is their own, instead of what the probe reads alone. */
  readonly whole?: boolean
  /** Values that are taken away from a Linux guest. */
  readonly change?: MakeOptions['change']
  /** Steps of the world after which the guest counts as hung; default 2,000,000, and more for more than 20 values. */
  readonly budget?: number
  /** Told of all that crosses and of what does not hold, by whoever looks at one execution closely. */
  readonly watch?: Watch | undefined
  /** RAM of earlier guests; default new RAM for each. */
  readonly memories?: Memories | undefined
}

/** Looks on while a probe plays. */
export interface Watch {
  crossed(entry: Entry): void
  failed(property: string, failure: Failure): void
}

/** A stage, and what is left of it when the probe has ended. */
export interface SimulatedStage extends Stage {
  /** Values that its properties drew. */
  readonly drawn: number
  ended(): {
    /** Bytes of packets by end. */
    readonly bytes: Readonly<Partial<Record<EndName, number>>>
    /** SHA-256 of the normalised transcript. */
    readonly transcript: string
    /** Its first and last steps. */
    readonly exchange: readonly ExchangeStep[]
  }
}

const BUDGET = 2_000_000
const budgetOf = ({ runs }: SimulatedOptions): number => BUDGET * Math.max(1, runs / DEFAULT_RUNS)
/** As many virtual processors as a partition of ours has at most. */
const MOST_PROCESSORS = 2048
const BOOT_SECONDS = 120
/** From the last module to agreed versions on every channel. */
const SETTLE_SECONDS = 5
const ANSWER_SECONDS = 300

function lifeOptions(options: SimulatedOptions, reads: readonly string[]): LifeOptions {
  const { probe, guest, profile, registry = OURS, seed, whole = false, change, memories, watch } = options
  const { budget = budgetOf(options) } = options
  const taken = change === undefined ? {} : { change }
  const contact = contactOf(guest, profile, probe)
  return {
    guest,
    make: whole ? taken : { reads, contact, ...taken },
    profile: whole ? profile : projectedHost(profile, probe.reads.host, contact),
    ends: endsOf(probe),
    own: ownSpecs(registry.devices, endsOf(probe), registry.hostFields(profile)),
    machine: probe.machine ?? {},
    seed,
    budget,
    ...(watch !== undefined && { watch: watch.crossed }),
    memories,
  }
}

/** The next version of a host with all that it has of the adapter, under the name of the one that the guest's state is of. */
function nextProfile({ profile, probe, whole = false }: SimulatedOptions, own: LifeOptions): HostProfile {
  const next = nextHost(profile)
  return whole
    ? profileOf(profile.id, next.name, next.fields)
    : projectedHost(next, probe.reads.host, { host: own.profile.fields.vmbus.value })
}

/** A guest's fields, and in place of what was taken away what is left. */
function ownFields({ guest, change = {} }: SimulatedOptions): Readonly<Record<string, { readonly value: unknown }>> {
  const fields: Record<string, { readonly value: unknown }> = { ...guest.fields }
  for (const [name, value] of Object.entries<unknown>(change)) fields[name] = { value }
  return fields
}

/** Processors whose interrupt controller for the bus is on. */
export function processorsOf({ partition }: Host): number {
  const { processors } = partition.inspect()
  const all: readonly unknown[] = typeof processors === 'object' && processors !== null ? Object.values(processors) : []
  return all.filter((vp) => typeof vp === 'object' && vp !== null && 'synic' in vp && vp.synic === true).length
}

const hasUefi = ({ fields }: HostProfile): boolean => fields.generations.value.includes(2)

/** A stage on which a simulated guest plays. It is powered on when it is first needed. */
export function simulatedStage(options: SimulatedOptions): SimulatedStage {
  const { probe, guest, profile, registry = OURS, seed, runs } = options
  const reads: readonly string[] = probe.reads[guest.family]
  let begun: Life | undefined
  let drawn = 0
  const own = lifeOptions(options, reads)
  const life = (): Life => (begun ??= beginLife(own))
  // The guest may have moved when it is asked again.
  const until: Waits = async (what, seconds) => {
    await Promise.resolve()
    return life().until(what, seconds)
  }
  const diskAt = (index: number): StageDisk =>
    stageDisk(() => {
      const found = life().surface.disks[index]
      if (found === undefined) throw new ProbeError('the guest has no such disk')
      return found
    }, until)
  const ends = endsOf(probe)
  const named = (end: EndName): void => {
    if (!ends.includes(end)) throw new ProbeError(`the probe ${probe.id} uses ${end}, which it does not name`)
  }
  const instanceOf = (end: EndName): string => {
    named(end)
    return life().specOf(end).offer.instanceId
  }
  const opened = (end: EndName): boolean => {
    const instance = instanceOf(end)
    return life().surface.guest.bus.devices.some(
      ({ instanceId, channels }) => instanceId === instance && channels[0]?.state === 'open',
    )
  }

  async function run(seconds: number): Promise<void> {
    await until(() => false, seconds)
  }

  function device<E extends OurEnd>(end: E): Ends[E]
  function device<D extends HostDevice>(own: OwnDevice<D>): D
  function device(end: OurEnd | OwnDevice): HostDevice {
    const { host, attached, specOf } = life()
    const name = typeof end === 'string' ? end : end.id
    named(name)
    return host.device(attached, specOf(name))
  }

  return {
    family: guest.family,
    kind: 'simulated',
    guest: view('guest', ownFields(options), reads),
    host: view('host', registry.hostFields(profile), probe.reads.host),
    async connect() {
      const { surface } = life()
      if (surface.guest.generation.firmware !== undefined && !hasUefi(profile)) return 'not-offered'
      const failed = (): boolean => surface.guest.bus.phase === 'failed'
      if (!(await until(() => surface.guest.power === 'running' || failed(), BOOT_SECONDS))) return 'guest-hung'
      if (failed()) return 'fails'
      await run(SETTLE_SECONDS)
      return 'connected'
    },
    offers(end) {
      const instance = instanceOf(end)
      return life().attached.bus.devices.some(({ instanceId }) => instanceId === instance)
    },
    drives: opened,
    device,
    async answer<N extends keyof Answers>(event: N, id: number): Promise<Answers[N] | undefined> {
      const { answers } = life()
      const key = `${event} ${id}`
      await until(() => answers.has(key), ANSWER_SECONDS)
      const detail = answers.get(key)
      answers.delete(key)
      // The ends say with which event they answer: `Answers` has their types.
      return detail as Answers[N] | undefined
    },
    instanceOf,
    heard: (event) => life().heard.get(event) ?? 0,
    processors: () => processorsOf(life().attached),
    mostProcessors: MOST_PROCESSORS,
    get bootPages() {
      return life().bootPages
    },
    migrate() {
      begun = moved({ ...own, profile: nextProfile(options, own) }, life())
    },
    run,
    until,
    get disks() {
      return life().surface.disks.map((_, index) => diskAt(index))
    },
    disk: () => diskAt(0),
    net: () => life().surface.net(),
    keyValues: () => life().surface.keyValues(),
    memory: () => life().surface.memory(),
    clock() {
      const { world, surface } = life()
      const host = (): bigint => world.epoch + BigInt(world.clock.now())
      const own = (): bigint => surface.guest.wallClock()
      return { guest: own, host, off: () => Number(own() - host()) }
    },
    files: () => {
      const { provided, surface } = life()
      return { ...surface.files, provide: (source, contents) => void provided.set(source, contents) }
    },
    backup() {
      const { surface } = life()
      return {
        get frozen() {
          return surface.frozen
        },
        onSnapshot(take) {
          life().snapshot = take
        },
      }
    },
    listed: () => life().surface.listed(),
    poweredOff: (seconds) => until(() => life().surface.guest.power === 'powered-off', seconds),
    get lan() {
      return life().lan()
    },
    medium: (end) => life().medium(end),
    fabric: FABRIC,
    ports: () => life().surface.ports(),
    async property(name, arbitrary, check) {
      const drawSeed = seeded(seed).u32('property', probe.id, name)
      const { end, runs: count, failure } = await draw({ seed: drawSeed, runs }, arbitrary, check)
      drawn += count
      if (failure !== undefined) options.watch?.failed(name, failure)
      return end
    },
    get drawn() {
      return drawn
    },
    ended() {
      const { transcript, surface } = life()
      const traced = tracedWith(registry.devices)
      const { digest, bytesOf } = crossed(transcript, traced)
      const bytes = Object.fromEntries(ends.map((end) => [end, bytesOf(instanceOf(end))]))
      options.memories?.giveBack(surface.guest.memory)
      return { bytes, transcript: digest, exchange: exchangeOf(transcript, traced) }
    },
  }
}
