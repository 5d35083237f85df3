import { MESSAGE_TYPE, createPartition, guestMemory, type Partition } from '@vmbus/hypervisor'
import {
  ALL_VERSIONS,
  MessageId,
  createGuestBus,
  createHostBus,
  encode,
  layouts,
  pageAllocator,
  type GuestBus,
  type GuestBusOptions,
} from '@vmbus/core'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { echo, instance } from './echo.ts'
import { mutate } from './mutate.ts'
import { byteChangedBy, changedByRestore } from './invariants.ts'
import { guestChecker } from './protocol-checker.ts'
import type { Random } from './random.ts'
import { countInput, countReject, type AttackOptions, type AttackReport } from './report.ts'
import { attackSessions, type AttackSession } from './sessions.ts'

const PAGES = 100
/** Pages below are the guest's; those above are granted to nobody and must not change. */
const OWN = 96
const SESSION = 200

export interface GuestAttackOptions extends AttackOptions {
  /** The guest to attack; the default is that of `@vmbus/core`. */
  readonly create?: (options: GuestBusOptions) => GuestBus
}

/**
 * A hostile host: a real host bus whose messages are mutated, dropped and repeated on their way, with forged ones in
 * between that name what the guest knows. Nothing may throw, no foreign page change, and once
 * the guest has left, every page must have come back.
 */
export function attackGuest(options: GuestAttackOptions): AttackReport {
  const create = options.create ?? createGuestBus
  return attackSessions(options, SESSION, (session) => attack({ ...session, create, percent: 0 }))
}

interface Session extends AttackSession {
  readonly create: (options: GuestBusOptions) => GuestBus
  /** Percent of the host's messages that are mutated. */
  percent: number
}

function attack(session: Session): void {
  const { into, choose, inputs } = session
  const world = worldOf(session)
  const wanted = into.inputs + inputs
  world.guest.start()
  session.percent = choose.pick([0, 10, 40])
  for (let round = 0; into.inputs < wanted && round < inputs * 4; round++) attackRound(session, world, round)
  session.percent = 0
  unload(session, world)
}

type World = ReturnType<typeof worldOf>

function worldOf(session: Session) {
  const { into, choose, create, seed, interrupts: mode, bad } = session
  const memory = guestMemory(PAGES * 4096)
  memory.bytes.fill(0xa5, OWN * 4096)
  const clock = virtualClock()
  const timers = timerQueue((name) => {
    const [owner, ...rest] = name.split('/')
    if (owner === 'host') host.timer(rest.join('/'))
    if (owner === 'guest') guest.timer(rest.join('/'))
  })
  const scope = (owner: string) => ({
    set: (name: string, at: number) => timers.set(`${owner}/${name}`, at),
    clear: (name: string) => timers.clear(`${owner}/${name}`),
  })
  const interrupts: (readonly [number, number])[] = []
  const partition = createPartition({
    memory,
    clock,
    timers,
    vps: 2,
    interrupt(vp, vector) {
      if (mode === 'immediate') guest.interrupt(vp, vector)
      else interrupts.push([vp, vector])
    },
  })
  const device = echo(bad)
  const checker = guestChecker(() => guest.version, bad)
  const host = createHostBus({
    trace: (event) => checker.see(event),
    partition: interposed(session, partition, (isMutated) => countInput(into, guest.phase, isMutated)),
    clock,
    timers: scope('host'),
    seed: seeded(seed),
    versions: ALL_VERSIONS,
  })
  const pages = pageAllocator(memory, 1, OWN)
  const before = pages.available
  const guest: GuestBus = create({
    partition,
    clock,
    timers: scope('guest'),
    seed: seeded(seed),
    versions: choose.chance(50) ? ALL_VERSIONS.toReversed() : [choose.pick([...ALL_VERSIONS] as [number, ...number[]])],
    drivers: [device.driver(undefined)],
    pages,
    behaviour: { features: 0xff, post: { tries: 3, delay: 10, doublings: 4, anyStatus: false } },
    diagnose: ({ detail }) => countReject(into, String(detail?.['branch'] ?? 'other')),
  })
  for (const number of [1, 2, 3]) host.offer(device({ instanceId: instance(number), subchannels: 1 }))

  const run = (steps: number): void => {
    for (let step = 0; step < steps; step++) {
      const next = interrupts.shift()
      if (next !== undefined) guest.interrupt(...next)
      else if (timers.next() === Infinity) return
      else {
        clock.advanceTo(Math.max(clock.now(), timers.next()))
        timers.run(clock.now())
      }
    }
  }
  return { memory, partition, device, host, guest, pages, before, run }
}

/** A forged message, a signal, a change of the devices or of the guest's phase, each with its chance. */
function attackRound({ into, choose, bad }: Session, world: World, round: number): void {
  const { partition, device, host, guest, run } = world
  if (choose.chance(60)) {
    countInput(into, guest.phase, true)
    const message = forge(choose, guest)
    partition.postMessage(
      choose.below(2),
      2,
      choose.chance(98) ? MESSAGE_TYPE.vmbus : 2 + choose.below(3),
      choose.chance(60) ? message : mutate(choose, message),
    )
  }
  if (choose.chance(10)) partition.signalEvent(choose.below(2), 2, choose.below(16))
  if (choose.chance(5)) host.devices[0]?.rescind()
  if (choose.chance(5) && host.devices.length < 4) host.offer(device({ instanceId: instance(100 + round) }))
  if (choose.chance(2) && guest.phase === 'running') guest.suspend()
  if (choose.chance(10) && guest.phase === 'suspended') guest.resume()
  if (choose.chance(2)) guest.unload()
  if (guest.phase === 'off' || guest.phase === 'failed') guest.start()
  run(1 + choose.below(4))
  if (choose.chance(2)) {
    const changed = changedByRestore(guest)
    if (changed !== undefined) bad(`restored otherwise than saved: ${changed}`)
  }
}

/** Whatever was said to it: the guest leaves, gives every page back, and touches nothing any more. */
function unload({ bad }: Session, { memory, guest, pages, before, run }: World): void {
  run(5000)
  guest.unload()
  run(5000)
  if (guest.phase !== 'off') bad(`the guest is ${guest.phase} after unload`)
  else if (pages.available !== before - 1) bad(`${before - 1 - pages.available} pages did not come back`)
  // A guest that has left neither reads what comes for it nor writes its own pages.
  const wrote = byteChangedBy(memory, () => {
    for (let vp = 0; vp < 2; vp++) guest.interrupt(vp, 0xf3)
    run(50)
  })
  if (guest.phase === 'off' && wrote >= 0) bad(`byte ${wrote} of guest memory was written after UNLOAD`)
  const changed = memory.bytes.subarray(OWN * 4096).findIndex((byte) => byte !== 0xa5)
  if (changed >= 0) bad(`byte ${changed} of the foreign pages changed`)
}

/** The partition as the real host sees it: some of its messages are mutated, lost or doubled. */
function interposed(session: Session, partition: Partition, count: (isMutated: boolean) => void): Partition {
  const { choose } = session
  return {
    ...partition,
    get memory() {
      return partition.memory
    },
    postMessage(vp, sint, type, payload) {
      const isMutated = choose.chance(session.percent)
      count(isMutated)
      if (!isMutated) return partition.postMessage(vp, sint, type, payload)
      const kind = choose.below(4)
      if (kind === 0) return 0
      if (kind === 1) partition.postMessage(vp, sint, type, payload)
      return partition.postMessage(vp, sint, type, kind === 1 ? payload : mutate(choose, payload))
    },
  }
}

const GUID = '11111111-2222-3333-4444-555555555555'

/** A message of a host that knows what the guest waits for. */
function forge(choose: Random, guest: GuestBus): Uint8Array {
  const { devices, gpadls } = guest.inspect() as {
    devices: readonly { instanceId: string; interfaceId: string; channels: readonly { relid: number }[] }[]
    gpadls: readonly { id: number }[]
  }
  const channels = devices.flatMap((device) => device.channels)
  const relid = choose.chance(85) ? (choose.any(channels)?.relid ?? 1) : 1 + choose.below(12)
  const gpadl = choose.any(gpadls)?.id ?? 0xe1e10
  const status = choose.chance(60) ? 0 : 0xc000_0001
  switch (choose.below(13)) {
    case 0:
      return encode(layouts.versionResponse, MessageId.versionResponse, {
        supported: choose.below(2),
        connectionState: choose.below(3),
        selected: 4,
      })
    case 1:
    case 2: {
      const known = choose.any(devices)
      return encode(layouts.offerChannel, MessageId.offerChannel, {
        interfaceId: known?.interfaceId ?? GUID,
        instanceId: choose.chance(70) ? (known?.instanceId ?? GUID) : instance(500 + choose.below(8)),
        subchannelIndex: choose.below(3),
        relid: choose.chance(20) ? choose.pick([0, 2048, 0xffff_ffff]) : 1 + choose.below(40),
        monitorId: choose.below(256),
        monitor: { allocated: choose.below(2) },
        interrupt: { dedicated: choose.below(2) },
        connectionId: 0x2000 + relid,
      })
    }
    case 3:
      return encode(layouts.rescindChannelOffer, MessageId.rescindChannelOffer, { relid })
    case 4:
      return encode(layouts.bare, MessageId.allOffersDelivered, {})
    case 5:
      return encode(layouts.openChannelResult, MessageId.openChannelResult, { relid, openId: relid, status })
    case 6:
      return encode(layouts.gpadlCreated, MessageId.gpadlCreated, { relid, gpadl, status })
    case 7:
      return encode(layouts.gpadlTorndown, MessageId.gpadlTorndown, { gpadl })
    case 8:
      return encode(layouts.modifyChannelResponse, MessageId.modifyChannelResponse, { relid, status })
    case 9:
      return encode(layouts.tlConnectResult, MessageId.tlConnectResult, { endpointId: GUID, serviceId: GUID, status })
    case 10:
      return encode(layouts.bare, MessageId.pauseResponse, {})
    case 11:
      return encode(layouts.modifyConnectionResponse, MessageId.modifyConnectionResponse, {
        connectionState: choose.below(3),
      })
    default:
      return choose.chance(50)
        ? encode(layouts.bare, MessageId.unloadResponse, {})
        : encode(layouts.versionResponseV6Monitor, MessageId.versionResponse, {
            supported: 1,
            connectionState: 0,
            selected: 4,
            features: 0xff,
            childToParentMonitor: choose.u32(),
          })
  }
}
