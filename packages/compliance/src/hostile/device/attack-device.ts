import {
  PacketType,
  type GuestDriver,
  type GuestDriverSpec,
  type HostDevice,
  type HostDeviceSpec,
  type Packet,
} from '@vmbus/core'
import type { Diagnostic } from '@vmbus/world'
import { deviceWorld, type DeviceWorld, type InterruptMode } from '@vmbus/testbench'
import { changedByRestore, byteChangedBy } from '../quiet.ts'
import { random, type Random } from '../random.ts'
import {
  countInput,
  countReject,
  modeOf,
  reportOf,
  tally,
  violate,
  type AttackOptions,
  type AttackReport,
  type Tally,
} from '../report.ts'
import { hostVigil } from '../vigil.ts'
import { damaged, forgedPacket, loose, type Forged, type LoosePacket } from './damage.ts'
import { shelf, type Shelf } from './shelf.ts'
import { tamperedGuest, tamperedHost, type Tamper } from './tamper.ts'

/** The world of a session as an exercise and the damage of pages see it. */
export interface AttackedWorld {
  readonly world: DeviceWorld
  readonly choose: Random
  readonly host: HostDevice | undefined
  readonly driver: GuestDriver | undefined
}

/** One end of a device as an attack judges it. */
export interface AttackedEnd {
  /** Branches that are the first check of a packet's length or type. */
  readonly short: readonly string[]
  /** The protocol's state, from what `inspect` shows. */
  state(inspected: Record<string, unknown>): string
  /** The branch that a diagnostic tells of; default is that of its detail. */
  branchOf?(diagnostic: Diagnostic): string | undefined
  /** The branch that an event of this end tells of: what made it give up. */
  gaveUp?(name: string, detail: unknown): string | undefined
  /** The branch that an answer of this end tells of: a status that refuses. */
  refusal?(payload: Uint8Array): string | undefined
  /** What the peer could say, whether or not it is its turn. */
  forge?(choose: Random): Forged
  /** Of a hundred packets from nowhere, those that `forge` makes; the others are copies of what was heard. Default 30. */
  readonly forgedShare?: number
  /** Damages what a packet points to, before it is read; true when something was changed. */
  pages?(attacked: AttackedWorld, packet: Packet): boolean
}

export interface DeviceTarget {
  readonly name: string
  /** Both ends anew for each session, over backends of their own. */
  create(choose: Random): {
    readonly device: HostDeviceSpec
    readonly driver: GuestDriverSpec
    readonly settings?: unknown
    /** Uses the device in one of its ways; called at any time. */
    exercise(attacked: AttackedWorld): void
    /** Requests begun and ended; asked after the device is gone. */
    tally?(): { readonly begun: number; readonly ended: number }
  }
  readonly ends: { readonly host: AttackedEnd; readonly guest: AttackedEnd }
  /** Bytes at the start of a payload in which most of its fields stand, default 64. */
  readonly span?: number
  readonly memoryMB?: number
  /**
   * Packets after an opening in which sessions that are not about the set-up leave the peer whole, default 0: for a device
   * whose set-up is long and survives little.
   */
  readonly calm?: number
  /** Seconds after which nothing waits for a device that is gone, default 10. */
  readonly seconds?: number
}

const SESSION = 250
/** Of a hundred damaged packets, those that never arrive; of those from nowhere, those that are not copies. */
const LOST = 10
const FORGED = 30
/** So many inputs after it was opened a channel is likely to be in its set-up. */
const SETUP_INPUTS = 6
/** Rounds after which a set-up that does not go on is calm no more. */
const CALM_ROUNDS = 40
const SPARE = 32
/** Pages below the guest's, and the last of the spare ones: nobody has them, and damage never names them. */
const GUARD = 16
/** A state longer than this has grown without bound; the largest honest one is a tenth of it. */
const STATE_LIMIT = 4 << 20

/**
 * A hostile peer against one end of a device: both ends live over real buses, what the peer sends is damaged before the
 * end reads it, and copies of what was sent arrive again, damaged, at any time; the device is used, withdrawn, offered
 * again, suspended and restored in between. Nothing may throw or hang, no packet is completed twice, no page changes that
 * nobody granted, and after the device is gone nothing is left of it.
 */
export function attackDevice(target: DeviceTarget, end: 'host' | 'guest', options: AttackOptions): AttackReport {
  const into = tally()
  // What one session has heard another may send before its end has heard anything.
  const heard = shelf()
  for (let session = 0; into.inputs < options.inputs; session++) {
    const seed = options.seed + session
    const before = into.inputs
    try {
      attack({
        into,
        target,
        end,
        heard,
        choose: random(Math.imul(seed, 0x9e37_79b1)),
        inputs: Math.min(SESSION, options.inputs - before),
        seed,
        interrupts: modeOf(options, session),
      })
    } catch (error) {
      violate(into, `session ${seed}: threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
    if (into.inputs === before) into.inputs++
  }
  return reportOf(into)
}

interface Session {
  readonly into: Tally
  readonly target: DeviceTarget
  readonly end: 'host' | 'guest'
  readonly heard: Shelf
  readonly choose: Random
  readonly inputs: number
  readonly seed: number
  readonly interrupts: InterruptMode
}

function attack({ into, target, end, heard, choose, inputs, seed, interrupts }: Session): void {
  const { [end]: judged } = target.ends
  const short = new Set(judged.short)
  const bad = (text: string): void => violate(into, `session ${seed}, input ${into.inputs}: ${text}`)
  const made = target.create(choose)
  // Some sessions are slow and often begin anew, so that most of what arrives comes in the middle of a set-up.
  const isSlow = choose.chance(40)
  // An end that is answered at once says more in each round.
  const isAtOnce = interrupts === 'immediate'
  const damage = { percent: choose.pick([0, 20, 60]), spare: [] as number[] }
  let credit = 0
  let [opened, openedAt, round] = [into.inputs, 0, 0]
  const isCalm = (): boolean => !isSlow && into.inputs - opened < (target.calm ?? 0) && round - openedAt < CALM_ROUNDS
  const owed = new Map<string, number>()
  const attacked = (): AttackedWorld => ({
    world,
    choose,
    host: world.hostBus.devices.find(({ rescinded }) => !rescinded)?.device,
    driver: world.guestBus.devices[0]?.driver,
  })

  /** Counts what the end is about to read. */
  const deliver = (packet: Packet, isDamaged: boolean, index: number): Packet => {
    const changed =
      !isCalm() && credit + damage.percent > 0 && choose.chance(30) && (judged.pages?.(attacked(), packet) ?? false)
    countInput(into, judged.state(subject.inspect()), isDamaged || changed)
    // A driver gives back the pages of every transfer.
    if ((packet.flags & 1) !== 0 || packet.type === PacketType.transferPages) {
      const key = `${index}/${packet.transactionLow}/${packet.transactionHigh}`
      owed.set(key, (owed.get(key) ?? 0) + 1)
    }
    return packet
  }
  const harm = (packet: Packet): LoosePacket =>
    damaged(choose, packet, { span: target.span ?? 64, spare: damage.spare })
  const refused = (payload: Uint8Array): void => {
    const branch = judged.refusal?.(payload)
    if (branch !== undefined) countReject(into, branch, short)
  }
  const tamper: Tamper = {
    opened(index) {
      if (index === 0) [opened, openedAt] = [into.inputs, round]
      for (const key of owed.keys()) if (key.startsWith(`${index}/`)) owed.delete(key)
    },
    received(packet, index) {
      heard.keep(choose, packet)
      const isDamaged = !isCalm() && choose.chance(damage.percent)
      if (isDamaged && choose.chance(isSlow ? 4 * LOST : LOST)) {
        countInput(into, judged.state(subject.inspect()), true)
        return undefined
      }
      return deliver(isDamaged ? harm(packet) : packet, isDamaged, index)
    },
    forged(index) {
      if (credit === 0) return undefined
      const own =
        judged.forge !== undefined && choose.chance(isSlow ? 2 * FORGED : (judged.forgedShare ?? FORGED))
          ? forgedPacket(judged.forge(choose))
          : undefined
      const template = own ?? heard.take(choose)
      if (template === undefined) return undefined
      credit--
      return deliver(choose.chance(own === undefined ? 85 : 15) ? harm(template) : loose(template), true, index)
    },
    completed(payload, low, high, index) {
      refused(payload)
      const key = `${index}/${low}/${high}`
      const left = (owed.get(key) ?? 0) - 1
      if (left < 0) bad(`packet ${low}, ${high} was completed more often than it came`)
      owed.set(key, left)
    },
    said: (payload) => refused(payload),
  }
  const host = end === 'host' ? tamperedHost(made.device, tamper) : undefined
  const guest = end === 'guest' ? tamperedGuest(made.driver, tamper) : undefined
  const subject = host ?? guest ?? { inspect: () => ({}), open: [], poke: () => false }
  const vigil = hostVigil(() => world.hostBus.version, bad)
  const world: DeviceWorld = deviceWorld(host?.spec ?? made.device, guest?.spec ?? made.driver, {
    settings: made.settings,
    interrupts,
    memoryMB: target.memoryMB ?? 4,
    keepsEvents: false,
    starts: false,
    sparePages: SPARE,
    see: (event) => vigil.see(event),
    diagnose(by, diagnostic) {
      // The buses have attacks of their own.
      if (by !== end || diagnostic.source.endsWith('-bus')) return
      const branch = judged.branchOf?.(diagnostic) ?? diagnostic.detail?.['branch']
      if (branch !== undefined) countReject(into, String(branch), short)
    },
  })
  world.hostBus.on(({ kind }) => void (kind === 'disconnected' && vigil.reset()))
  const gaveUp = (name: string, detail: unknown): void => {
    const branch = judged.gaveUp?.(name, detail)
    if (branch !== undefined) countReject(into, branch, short)
  }
  if (end === 'host') world.hostBus.on((event) => event.kind === 'device' && gaveUp(event.name, event.detail))
  else world.guestBus.on((event) => event.kind === 'driver' && gaveUp(event.name, event.detail))
  const pages = world.memory.size / 4096
  damage.spare.push(...Array.from({ length: SPARE / 2 }, (_, index) => pages - SPARE + index))
  const guard = guardOf(world)
  const before = world.pages
  world.guestBus.start()

  const wanted = into.inputs + inputs
  const bus = end === 'host' ? world.hostBus : world.guestBus
  world.steps(choose.below(60))
  for (; into.inputs < wanted && round < inputs * 2; round++) {
    const isNew = into.inputs - opened < SETUP_INPUTS
    if (choose.chance(isSlow ? 5 : isAtOnce ? 15 : 30)) made.exercise(attacked())
    if (!isCalm() && choose.chance(isSlow ? (isNew ? 90 : 10) : isAtOnce ? 80 : 60)) {
      credit = 1 + choose.below(isSlow ? 2 : 12)
      const index = choose.any(subject.open)
      if (index !== undefined) subject.poke(index)
      credit = 0
    }
    if (choose.chance(isSlow && !isNew ? 40 : 1)) for (const handle of world.hostBus.devices) handle.rescind()
    if (world.hostBus.devices.length === 0) world.hostBus.offer(host?.spec ?? made.device, made.settings)
    if (choose.chance(1) && world.guestBus.phase === 'running') world.guestBus.suspend()
    if (world.guestBus.phase === 'suspended') world.guestBus.resume()
    // An end that has given up on its peer is of no more use to the attack.
    if (subject.open.length === 0 && choose.chance(20)) for (const handle of world.hostBus.devices) handle.rescind()
    world.steps(choose.below(isSlow && subject.open.length > 0 ? 2 : 8))
    if (choose.chance(isSlow ? 6 : 3)) world.run(choose.pick([0.1, 1, 10, 70]))
    if (choose.chance(1)) {
      const changed = changedByRestore(bus)
      if (changed !== undefined) bad(`restored otherwise than saved: ${changed}`)
    }
    if (round % 32 === 31) guard(bad)
  }
  damage.percent = 0
  if (JSON.stringify(bus.save()).length > STATE_LIMIT) bad('the state has grown without bound')
  leave(world, target.seconds ?? 10, before, bad)
  guard(bad)
  const { begun, ended } = made.tally?.() ?? { begun: 0, ended: 0 }
  if (begun !== ended) bad(`${begun} requests begun, ${ended} ended`)
}

/** The device goes, and everything with it. */
function leave(world: DeviceWorld, seconds: number, before: number, bad: (text: string) => void): void {
  world.run(seconds)
  if (world.guestBus.phase === 'suspended') world.guestBus.resume()
  world.run(seconds)
  for (const handle of world.hostBus.devices) handle.rescind()
  world.run(seconds)
  const { devices } = world.guestBus
  if (devices.length > 0) bad(`${devices.length} devices are left in a guest that is ${world.guestBus.phase}`)
  const timers = world.timers.filter((name) => !name.startsWith('partition/'))
  if (timers.length > 0) bad(`timers ${timers.join(', ')} outlive the device`)
  const wrote = byteChangedBy(world.memory, () => world.run(seconds))
  if (wrote >= 0) bad(`byte ${wrote} was written after the device was gone`)
  world.guestBus.unload()
  world.run(seconds)
  // The hypercall page stays.
  const lost = before - 1 - world.pages
  if (lost !== 0) bad(`${lost} pages did not come back`)
}

/** Looks at the pages that nobody has. */
function guardOf({ memory }: DeviceWorld): (bad: (text: string) => void) => void {
  const { words } = memory
  const last = words.length - (SPARE / 2) * 1024
  const spans = [
    [0, GUARD * 1024],
    [last, words.length],
  ] as const
  const saved = spans.map(([from, to]) => words.slice(from, to))
  return (bad) => {
    for (const [index, [from, to]] of spans.entries())
      for (let at = from; at < to; at++)
        if (words[at] !== saved[index]?.[at - from]) return bad(`page ${at >>> 10} changed, which nobody granted`)
  }
}
