import {
  HV_STATUS,
  MESSAGE_TYPE,
  createPartition,
  guestMemory,
  guestProcessor,
  triggerMonitor,
  type GuestMemory,
} from '@vmbus/hypervisor'
import {
  ALL_VERSIONS,
  MessageId,
  Version,
  createHostBus,
  layouts,
  type HostBus,
  type HostBusOptions,
} from '@vmbus/core'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { echo, instance } from './echo.ts'
import { guestMessage, type GuestFrames, type GuestKnowledge } from './guest-messages.ts'
import { mutate } from './mutate.ts'
import { byteChangedBy, changedByRestore } from './invariants.ts'
import { hostChecker } from './protocol-checker.ts'
import type { Random } from './random.ts'
import { countInput, countReject, type AttackOptions, type AttackReport } from './report.ts'
import { attackSessions, type AttackSession } from './sessions.ts'

const PAGES = 48
const SIMP = 1
const SIEFP = 2
const INPUT = 3
const HYPERCALL = 4
const FRAMES: GuestFrames = { first: 16, count: 24, monitors: [5 * 4096, 6 * 4096], interruptPage: 7 * 4096 }
const RESERVED = 2000
/** Inputs after which a session starts anew. */
const SESSION = 400

export interface HostAttackOptions extends AttackOptions {
  /** The host to attack; the default is that of `@vmbus/core`. */
  readonly create?: (options: HostBusOptions) => HostBus
}

/**
 * A hostile guest: valid stateful transcripts against a host bus, half of the messages mutated, with a scribbled-on
 * ring, interrupt page and monitor pages, while the host adds and removes devices. After each input nothing may have
 * thrown, and no page may have changed that the guest did not grant.
 */
export function attackHost(options: HostAttackOptions): AttackReport {
  const create = options.create ?? createHostBus
  return attackSessions(options, SESSION, (session) => attack(session, create))
}

function attack(
  { into, choose, inputs, seed, bad }: AttackSession,
  create: (options: HostBusOptions) => HostBus,
): void {
  const memory = guestMemory(PAGES * 4096)
  const clock = virtualClock()
  const timers = timerQueue((name) => {
    if (name.startsWith('bus/')) bus.timer(name.slice(4))
  })
  const partition = createPartition({ memory, clock, timers, vps: 2, interrupt: () => {} })
  const device = echo(bad)
  const checker = hostChecker(() => bus.version, bad)
  const bus: HostBus = create({
    partition,
    trace: (event) => checker.see(event),
    clock,
    timers: { set: (name, at) => timers.set(`bus/${name}`, at), clear: (name) => timers.clear(`bus/${name}`) },
    seed: seeded(seed),
    versions: choose.chance(85) ? ALL_VERSIONS : ALL_VERSIONS.filter((version) => version < Version.v5_0),
    maxGpadlBytes: 160 * 4096,
    diagnose: ({ detail }) => countReject(into, String(detail?.['branch'] ?? 'other')),
  })
  bus.on(({ kind }) => void (kind === 'disconnected' && checker.reset()))
  bus.offer(device({ instanceId: instance(1), subchannels: 2 }))
  bus.offer(device({ instanceId: instance(2), refuse: 0xc000_0001 }))
  bus.offer(device({ instanceId: instance(3), monitorLatency: 1000 }))
  bus.offer(device({ instanceId: instance(4) }), undefined, { reservedRelid: RESERVED })
  const hot = Array.from({ length: 3 }, (_, index) => instance(10 + index))
  for (const instanceId of hot) bus.offer(device({ instanceId }))

  const guest = guestProcessor(partition)
  guest.enableHypercalls(0x8100_0006_0001_0000n, HYPERCALL * 4096)
  guest.enableSynic({ messagePage: SIMP * 4096, eventFlagsPage: SIEFP * 4096, vector: 0xf3 })
  const know: GuestKnowledge = {
    version: 0,
    features: 0,
    relids: new Set([RESERVED]),
    gpadls: new Map(),
    open: new Set(),
    nextGpadl: 1,
  }
  const named = new Set<number>()
  const guard = guardOf(memory, named)
  const slot = new Uint8Array(256)

  for (let input = 0; input < inputs; input++) {
    const valid = guestMessage(choose, know, FRAMES)
    const message = choose.chance(50) ? valid : mutate(choose, valid)
    countInput(into, stateOf(bus, know), message !== valid)
    namePages(message, named)
    const connection = choose.chance(50) ? 4 : 1
    if (choose.chance(1)) guest.postMessage(INPUT * 4096, connection, 2, message)
    else if (guest.postMessage(INPUT * 4096, connection, MESSAGE_TYPE.vmbus, message) === HV_STATUS.invalidConnectionId)
      guest.postMessage(INPUT * 4096, 1, MESSAGE_TYPE.vmbus, message)
    if (choose.chance(20))
      scribble(choose, memory, () =>
        guest.signalEvent(choose.chance(50) ? 0x2000 + 1 + choose.below(8) : choose.pick([2, 0x3001, 0x27d0])),
      )
    if (choose.chance(5)) bus.monitor()
    if (choose.chance(85)) while (guest.takeMessage(SIMP * 4096, 2, slot)) learn(know, slot)
    if (choose.chance(3)) {
      const instanceId = choose.any(hot) ?? instance(10)
      const handle = bus.devices.find((each) => each.instanceId === instanceId)
      if (handle === undefined) bus.offer(device({ instanceId }))
      else handle.rescind()
    }
    if (choose.chance(2)) {
      const changed = changedByRestore(bus)
      if (changed !== undefined) bad(`restored otherwise than saved: ${changed}`)
    }
    if (choose.chance(10)) {
      const next = timers.next()
      if (next !== Infinity) clock.advanceTo(Math.max(clock.now(), next))
      timers.run(clock.now())
    }
    // A foreign page keeps what was written to it, so that looking now and then is enough.
    const touched = input % 16 === 15 || input === inputs - 1 ? guard() : -1
    if (touched >= 0) bad(`page ${touched} changed, which was not granted`)
  }
  bounded(bus, bad)
  bus.reset()
  const wrote = byteChangedBy(memory, () => {
    for (const handle of bus.devices) handle.rescind()
    for (const number of [90, 91]) bus.offer(device({ instanceId: instance(number) }))
    bus.monitor()
    for (let fired = 0; fired < 5000 && timers.next() !== Infinity; fired++) {
      clock.advanceTo(Math.max(clock.now(), timers.next()))
      timers.run(clock.now())
    }
  })
  if (wrote >= 0) bad(`byte ${wrote} of guest memory was written without a connection`)
  leftover(bus, bad)
}

/** After a reset nothing is held of a guest, not even on reserved channels. */
function leftover(bus: HostBus, bad: (text: string) => void): void {
  const { gpadls, gpadlPages, outgoing, incoming, channels } = bus.inspect() as {
    gpadls: readonly { relid: number }[]
    gpadlPages: number
    outgoing: number
    incoming: number
    channels: readonly { phase: string; relid: number; reserved?: boolean }[]
  }
  if (gpadls.length > 0) bad(`${gpadls.length} GPADLs (${gpadlPages} pages) outlive the connection`)
  if (outgoing + incoming > 0) bad(`${outgoing} outgoing and ${incoming} incoming messages outlive the connection`)
  for (const { phase, relid } of channels)
    if (relid === RESERVED ? phase !== 'offered' : phase !== 'unoffered' || relid !== 0)
      bad(`channel ${relid} is ${phase} still`)
}

/** What the answers tell a guest. */
function learn(know: GuestKnowledge, slot: Uint8Array): void {
  const message = slot.slice(16, 16 + (slot[4] ?? 0))
  switch (message[0] ?? 0) {
    case MessageId.versionResponse: {
      const { supported, connectionState, selected } = layouts.versionResponse.parse(message)
      know.version = supported === 1 && connectionState === 0 ? selected || 4 : 0
      know.features =
        message.length >= layouts.versionResponseV6.size ? layouts.versionResponseV6.parse(message).features : 0
      know.relids.clear()
      know.relids.add(RESERVED)
      know.gpadls.clear()
      know.open.clear()
      return
    }
    case MessageId.offerChannel:
      know.relids.add(layouts.offerChannel.parse(message).relid)
      return
    case MessageId.unloadResponse:
      know.version = 0
  }
}

/** Rings, interrupt page and monitor pages are the guest's to write, whenever and whatever. */
function scribble(choose: Random, memory: GuestMemory, signal: () => void): void {
  for (let count = 1 + choose.below(6); count > 0; count--) {
    const page = choose.chance(80) ? FRAMES.first + choose.below(FRAMES.count) : 5 + choose.below(3)
    const word = choose.chance(60) ? choose.below(5) : choose.below(1024)
    memory.view.setUint32(page * 4096 + word * 4, choose.chance(60) ? choose.below(64) * 8 : choose.u32(), true)
  }
  if (choose.chance(20)) triggerMonitor(memory, FRAMES.monitors[1], choose.below(128))
  signal()
}

/** Pages that a message gives the host: a mutated list of frames grants what it names. */
function namePages(message: Uint8Array, into: Set<number>): void {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const first =
    message[0] === MessageId.gpadlHeader
      ? 20
      : message[0] === MessageId.gpadlBody || message[0] === MessageId.initiateContact
        ? 16
        : message[0] === MessageId.modifyConnection
          ? 8
          : message.length
  for (let at = first; at + 4 <= message.length; at += 8) {
    const value = view.getUint32(at, true)
    into.add(message[0] === MessageId.gpadlHeader || message[0] === MessageId.gpadlBody ? value : value >>> 12)
  }
}

/** Says which page changed that the guest never gave and that is not its SynIC's, or -1. */
function guardOf(memory: GuestMemory, named: ReadonlySet<number>): () => number {
  const before = new Int32Array(memory.bytes.slice().buffer)
  const guarded = Array.from({ length: PAGES }, (_, page) => page).filter(
    (page) => page > 7 && !(page >= FRAMES.first && page < FRAMES.first + FRAMES.count),
  )
  return () => {
    const now = memory.words
    for (const page of guarded) {
      if (named.has(page)) continue
      for (let word = page * 1024; word < (page + 1) * 1024; word++) if (now[word] !== before[word]) return page
    }
    return -1
  }
}

function bounded(bus: HostBus, bad: (text: string) => void): void {
  const { channels, gpadlPages, outgoing, incoming } = bus.inspect() as {
    channels: readonly unknown[]
    gpadlPages: number
    outgoing: number
    incoming: number
  }
  if (channels.length > 100 || gpadlPages > 160 || outgoing > 4096 || incoming > 16)
    bad(`unbounded: ${channels.length} channels, ${gpadlPages} pages, ${outgoing} out, ${incoming} in`)
}

function stateOf(bus: HostBus, know: GuestKnowledge): string {
  if (bus.version === 0) return 'disconnected'
  const stage = know.open.size > 0 ? 'open' : know.relids.size > 1 ? 'offered' : 'contacted'
  return `${bus.version >>> 16}.${bus.version & 0xffff} ${stage}`
}
