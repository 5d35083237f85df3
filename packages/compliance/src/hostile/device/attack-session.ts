import { PacketType, type Packet } from '@vmbus/core'
import { deviceWorld, type DeviceWorld } from '@vmbus/testbench'
import { byteChangedBy, changedByRestore, firstChange } from '../invariants.ts'
import { hostChecker } from '../protocol-checker.ts'
import { countInput, countReject } from '../report.ts'
import type { AttackSession } from '../sessions.ts'
import { interposedGuest, interposedHost, type Interposer } from './interposer.ts'
import { copyPacket, forgedPacket, mutatedPacket, type PacketCopy } from './mutate-packet.ts'
import type { PacketCorpus } from './packet-corpus.ts'
import type { AttackedEnd, AttackedWorld, DeviceTarget } from './target.ts'

/** Percent of the mutated packets that never arrive. */
const LOST = 10
/** Percent of the injected packets that `forge` makes, where the target does not say. */
const FORGED = 30
/** So many inputs after it was opened a channel is likely to be in its set-up. */
const SETUP_INPUTS = 6
/** Rounds after which the grace of a set-up that does not go on ends. */
const GRACE_ROUNDS = 40
/** Pages at the end of RAM that the guest's allocator does not have; mutated lists name the first half of them. */
const UNOWNED = 32
/** Pages below the guest's. Nobody has them or the second half of the unowned ones, and no mutated list names them. */
const GUARD = 16
/** A state longer than this has grown without bound; the largest honest one is a tenth of it. */
const STATE_LIMIT = 4 << 20

export interface SessionOptions extends AttackSession {
  readonly target: DeviceTarget
  readonly end: 'host' | 'guest'
  /** Packets of all sessions: what one has heard another may send before its end has heard anything. */
  readonly heard: PacketCorpus
}

interface Session extends SessionOptions {
  readonly judged: AttackedEnd
  readonly short: ReadonlySet<string>
  /** Slow and often begun anew, so that most of what arrives comes in the middle of a set-up. */
  readonly isSlow: boolean
  /** Pages that a mutated list may name. */
  readonly unowned: number[]
  /** Percent of the packets that are mutated. */
  percent: number
  /** Packets that may be injected before the end is called for its own again. */
  budget: number
  /** Inputs and rounds when the primary channel was opened. */
  opened: number
  openedAt: number
  round: number
  /** Packets that want a completion, by channel and transaction. */
  readonly pending: Map<string, number>
  inspect(): Record<string, unknown>
  attacked(): AttackedWorld
}

/** One life of both ends, attacked for so many inputs. */
export function playSession(options: SessionOptions): void {
  const { into, target, end, choose, bad } = options
  const made = target.create(choose)
  const isSlow = choose.chance(40)
  const session: Session = {
    ...options,
    judged: target.ends[end],
    short: new Set(target.ends[end].short),
    isSlow,
    unowned: [],
    percent: choose.pick([0, 20, 60]),
    budget: 0,
    opened: into.inputs,
    openedAt: 0,
    round: 0,
    pending: new Map(),
    inspect: () => subject.inspect(),
    attacked: () => ({
      world,
      choose,
      host: world.hostBus.devices.find(({ rescinded }) => !rescinded)?.device,
      driver: world.guestBus.devices[0]?.driver,
    }),
  }
  const interposer = interposerOf(session)
  const host = end === 'host' ? interposedHost(made.device, interposer) : undefined
  const guest = end === 'guest' ? interposedGuest(made.driver, interposer) : undefined
  const subject: Subject = host ?? guest ?? { inspect: () => ({}), open: [], invokeReadable: () => false }
  const ends: Made = { ...made, device: host?.spec ?? made.device, driver: guest?.spec ?? made.driver }
  const world = worldOf(session, ends)
  const guard = guardOf(world)
  const before = world.pages
  world.guestBus.start()
  world.steps(choose.below(60))
  const wanted = into.inputs + options.inputs
  for (; into.inputs < wanted && session.round < options.inputs * 2; session.round++) {
    attackRound(session, ends, world, subject)
    if (session.round % 32 === 31) guard(bad)
  }
  session.percent = 0
  const bus = end === 'host' ? world.hostBus : world.guestBus
  if (JSON.stringify(bus.save()).length > STATE_LIMIT) bad('the state has grown without bound')
  removeDevice(world, target.seconds ?? 10, before, bad)
  guard(bad)
  const { begun, ended } = made.tally?.() ?? { begun: 0, ended: 0 }
  if (begun !== ended) bad(`${begun} requests begun, ${ended} ended`)
}

type Made = ReturnType<DeviceTarget['create']>
interface Subject {
  inspect(): Record<string, unknown>
  readonly open: readonly number[]
  invokeReadable(subchannelIndex: number): boolean
}

/** The peer is left whole: sessions that are not about the set-up let it pass first. */
const isGrace = ({ isSlow, into, opened, openedAt, round, target }: Session): boolean =>
  !isSlow && into.inputs - opened < (target.grace ?? 0) && round - openedAt < GRACE_ROUNDS

/** Counts what the end is about to read. */
function deliver(session: Session, packet: Packet, isMutated: boolean, index: number): Packet {
  const { choose, judged, into, pending } = session
  const changed =
    !isGrace(session) &&
    session.budget + session.percent > 0 &&
    choose.chance(30) &&
    (judged.pages?.(session.attacked(), packet) ?? false)
  countInput(into, judged.state(session.inspect()), isMutated || changed)
  // A driver gives back the pages of every transfer.
  if ((packet.flags & 1) !== 0 || packet.type === PacketType.transferPages) {
    const key = `${index}/${packet.transactionLow}/${packet.transactionHigh}`
    pending.set(key, (pending.get(key) ?? 0) + 1)
  }
  return packet
}

function interposerOf(session: Session): Interposer {
  const { into, target, judged, heard, choose, isSlow, short, pending, unowned } = session
  const mutated = (packet: Packet): PacketCopy => mutatedPacket(choose, packet, { span: target.span ?? 64, unowned })
  const countRefusal = (payload: Uint8Array): void => {
    const branch = judged.refusal?.(payload)
    if (branch !== undefined) countReject(into, branch, short)
  }
  return {
    opened(index) {
      if (index === 0) [session.opened, session.openedAt] = [into.inputs, session.round]
      for (const key of pending.keys()) if (key.startsWith(`${index}/`)) pending.delete(key)
    },
    received(packet, index) {
      heard.keep(choose, packet)
      const isMutated = !isGrace(session) && choose.chance(session.percent)
      if (isMutated && choose.chance(isSlow ? 4 * LOST : LOST)) {
        countInput(into, judged.state(session.inspect()), true)
        return undefined
      }
      return deliver(session, isMutated ? mutated(packet) : packet, isMutated, index)
    },
    forged(index) {
      if (session.budget === 0) return undefined
      const own =
        judged.forge !== undefined && choose.chance(isSlow ? 2 * FORGED : (judged.forgedShare ?? FORGED))
          ? forgedPacket(judged.forge(choose))
          : undefined
      const template = own ?? heard.take(choose)
      if (template === undefined) return undefined
      session.budget--
      return deliver(
        session,
        choose.chance(own === undefined ? 85 : 15) ? mutated(template) : copyPacket(template),
        true,
        index,
      )
    },
    completed(payload, low, high, index) {
      countRefusal(payload)
      const key = `${index}/${low}/${high}`
      const left = (pending.get(key) ?? 0) - 1
      if (left < 0) session.bad(`packet ${low}, ${high} was completed more often than it came`)
      pending.set(key, left)
    },
    said: (payload) => countRefusal(payload),
  }
}

function worldOf(session: Session, { device, driver, settings }: Made): DeviceWorld {
  const { end, into, judged, short, interrupts, target, unowned, bad } = session
  const checker = hostChecker(() => world.hostBus.version, bad)
  const world: DeviceWorld = deviceWorld(device, driver, {
    settings,
    interrupts,
    memoryMB: target.memoryMB ?? 4,
    keepsEvents: false,
    starts: false,
    unownedPages: UNOWNED,
    // As it is: what the world would hear is a copy of each event.
    host: { trace: (event) => checker.see(event) },
    diagnose(by, diagnostic) {
      // The buses have attacks of their own.
      if (by !== end || diagnostic.source.endsWith('-bus')) return
      const branch = judged.branchOf?.(diagnostic) ?? diagnostic.detail?.['branch']
      if (branch !== undefined) countReject(into, String(branch), short)
    },
  })
  world.hostBus.on(({ kind }) => void (kind === 'disconnected' && checker.reset()))
  const gaveUp = (name: string, detail: unknown): void => {
    const branch = judged.gaveUp?.(name, detail)
    if (branch !== undefined) countReject(into, branch, short)
  }
  if (end === 'host') world.hostBus.on((event) => event.kind === 'device' && gaveUp(event.name, event.detail))
  else world.guestBus.on((event) => event.kind === 'driver' && gaveUp(event.name, event.detail))
  const pages = world.memory.size / 4096
  unowned.push(...Array.from({ length: UNOWNED / 2 }, (_, index) => pages - UNOWNED + index))
  return world
}

/** Uses the device, injects packets, takes it away and lets time pass, each with its chance. */
function attackRound(session: Session, made: Made, world: DeviceWorld, subject: Subject): void {
  const { choose, isSlow, into } = session
  // An end that is answered at once says more in each round.
  const isAtOnce = session.interrupts === 'immediate'
  const isNew = into.inputs - session.opened < SETUP_INPUTS
  if (choose.chance(isSlow ? 5 : isAtOnce ? 15 : 30)) made.exercise(session.attacked())
  if (!isGrace(session) && choose.chance(isSlow ? (isNew ? 90 : 10) : isAtOnce ? 80 : 60)) {
    session.budget = 1 + choose.below(isSlow ? 2 : 12)
    const index = choose.any(subject.open)
    if (index !== undefined) subject.invokeReadable(index)
    session.budget = 0
  }
  if (choose.chance(isSlow && !isNew ? 40 : 1)) for (const handle of world.hostBus.devices) handle.rescind()
  if (world.hostBus.devices.length === 0) world.hostBus.offer(made.device, made.settings)
  if (choose.chance(1) && world.guestBus.phase === 'running') world.guestBus.suspend()
  if (world.guestBus.phase === 'suspended') world.guestBus.resume()
  // An end that has given up on its peer is of no more use to the attack.
  if (subject.open.length === 0 && choose.chance(20)) for (const handle of world.hostBus.devices) handle.rescind()
  world.steps(choose.below(isSlow && subject.open.length > 0 ? 2 : 8))
  if (choose.chance(isSlow ? 6 : 3)) world.run(choose.pick([0.1, 1, 10, 70]))
  if (!choose.chance(1)) return
  const changed = changedByRestore(session.end === 'host' ? world.hostBus : world.guestBus)
  if (changed !== undefined) session.bad(`restored otherwise than saved: ${changed}`)
}

/** Takes the device away: no timer, write or page of it may be left. */
function removeDevice(world: DeviceWorld, seconds: number, before: number, bad: (text: string) => void): void {
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

/** Compares the pages that neither end owns with what they were. */
function guardOf({ memory }: DeviceWorld): (bad: (text: string) => void) => void {
  const { words } = memory
  const last = words.length - (UNOWNED / 2) * 1024
  const low = words.slice(0, GUARD * 1024)
  const high = words.slice(last)
  return (bad) => {
    const changed = Math.max(firstChange(words, low), firstChange(words, high, last))
    if (changed >= 0) bad(`page ${changed >>> 10} changed, which nobody granted`)
  }
}
