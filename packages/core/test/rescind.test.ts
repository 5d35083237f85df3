import { createPartition, guestMemory, guestProcessor } from '@vmbus/hypervisor'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  MessageId,
  PacketType,
  Version,
  createChannel,
  createHostBus,
  encode,
  layouts,
  type Channel,
  type ChannelEnd,
  type HostDeviceSpec,
  type Offer,
} from '../src/index.ts'

const SIMP = 0x1000
const SIEFP = 0x2000
const INPUT = 0x3000
/** Pages of the rings: four of each channel, two for each direction. */
const RING = 0x10
const CONNECTION = 4
const INSTANCE = '00000000-0000-0000-0000-000000000001'

type Step =
  | { readonly do: 'send'; readonly later: boolean; readonly signal: boolean }
  | { readonly do: 'finish' | 'rescind' | 'offer' | 'close' | 'release' | 'unload' | 'teardown' | 'save' }
  | { readonly do: 'pause' | 'resume' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('send'), later: fc.boolean(), signal: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('finish', 'save', 'offer', 'pause', 'resume', 'resume') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('rescind', 'close', 'release', 'teardown') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unload') }) },
) as fc.Arbitrary<Step>

/** One guest by hand on a real host bus: a device that answers at once, or later when a request asks for that. */
function fixture() {
  const [clock, timers] = [virtualClock(), timerQueue((name) => bus.timer(name))]
  const memory = guestMemory(64 * 4096)
  const partition = createPartition({ memory, clock, timers, vps: 1, interrupt: () => {} })
  const bus = createHostBus({ partition, clock, timers, seed: seeded(1), versions: [Version.v5_3] })
  const guest = guestProcessor(partition)
  guest.enableHypercalls(0x8100_0006_0001_0000n, 0x4000)
  guest.enableSynic({ messagePage: SIMP, eventFlagsPage: SIEFP, vector: 0xf3 })
  const calls: string[] = []
  let subchannels = (_count: number): void => {}

  const spec: HostDeviceSpec = {
    kind: 'probe',
    offer: { interfaceId: 'f8615163-df3e-46c5-913f-f2d2f965ed0e', instanceId: INSTANCE },
    create(deps) {
      subchannels = deps.offerSubchannels
      const channels = new Map<number, Channel>()
      let later: { channel: number; id: number }[] = []
      const answer = (channel: Channel | undefined, id: number): void => {
        if (channel?.sendCompletion(new Uint8Array(8), id, 0) !== true) calls.push(`could not answer ${id}`)
      }
      const finish = (): void => {
        const first = later.shift()
        if (first !== undefined) answer(channels.get(first.channel), first.id)
      }
      return {
        open(channel) {
          calls.push(`open ${channel.subchannelIndex}`)
          channels.set(channel.subchannelIndex, channel)
          return 0
        },
        readable(channel) {
          for (let packet = channel.receive(); packet !== undefined; packet = channel.receive()) {
            const id = packet.transactionLow
            if (packet.bytes[packet.payloadOffset] === 1) later.push({ channel: channel.subchannelIndex, id })
            else answer(channel, id)
          }
        },
        rescinded() {
          calls.push('rescinded')
          while (later.length > 0) finish()
        },
        close({ subchannelIndex }) {
          calls.push(`close ${subchannelIndex}`)
          channels.delete(subchannelIndex)
          later = later.filter(({ channel }) => channel !== subchannelIndex)
        },
        timer: finish,
        save: () => later.map((each) => ({ ...each })),
        restore(state, open) {
          later = (state as typeof later).map((each) => ({ ...each }))
          for (const channel of open) channels.set(channel.subchannelIndex, channel)
        },
        inspect: () => ({ later: later.length }),
      }
    },
  }

  const post = (bytes: Uint8Array): void => {
    expect(guest.postMessage(INPUT, CONNECTION, 1, bytes)).toBe(0)
  }
  const messages: Uint8Array[] = []
  const slot = new Uint8Array(256)
  const take = (): void => {
    while (guest.takeMessage(SIMP, 2, slot)) messages.push(slot.slice(16, 16 + (slot[4] ?? 0)))
  }
  const said = (id: number): number => {
    take()
    return messages.filter((message) => message[0] === id).length
  }
  const ringPages = (relid: number): number[] => [0, 1, 2, 3].map((page) => RING + relid * 4 + page)

  /** Grants rings, opens, and gives the guest's end. `quiet` decides whether the guest signals. */
  const open = (relid: number, quiet: () => boolean = () => false): ChannelEnd => {
    const pfns = ringPages(relid)
    const ranges = new Uint8Array(8 + pfns.length * 8)
    const view = new DataView(ranges.buffer)
    view.setUint32(0, pfns.length * 4096, true)
    pfns.forEach((pfn, index) => view.setUint32(8 + index * 8, pfn, true))
    const header = { relid, gpadl: relid, rangeBytes: ranges.length, rangeCount: 1, ranges }
    post(encode(layouts.gpadlHeader, MessageId.gpadlHeader, header))
    const end = createChannel({
      memory,
      offer: { relid, subchannelIndex: relid - 1 } as Offer,
      role: 'guest',
      pfns,
      downstreamOffset: 2,
      targetVp: 0,
      userData: new Uint8Array(120),
      signal: () => {
        if (!quiet()) guest.signalEvent(relid | 0x2000)
      },
      gpadl: () => undefined,
    })
    post(
      encode(layouts.openChannel, MessageId.openChannel, {
        relid,
        openId: relid,
        ringGpadl: relid,
        downstreamOffset: 2,
      }),
    )
    return end
  }

  post(encode(layouts.initiateContactV5, MessageId.initiateContact, { version: Version.v5_3, sint: 2 }))
  post(encode(layouts.bare, MessageId.requestOffers, {}))
  const handle = bus.offer(spec)
  take()
  return {
    bus,
    memory,
    handle,
    spec,
    calls,
    post,
    said,
    open,
    ringPages,
    subchannels: (count: number) => subchannels(count),
    signal: (relid: number) => void guest.signalEvent(relid | 0x2000),
    /** The device ends one request that it had left for later. */
    finish: () => bus.timer(`device/1/finish`),
  }
}

/** What only the host writes of a channel's rings: all of its own ring, and how far it has read the guest's. */
function hostBytes({ memory, ringPages }: ReturnType<typeof fixture>, relid: number): Uint8Array {
  const [first = 0, , third = 0] = ringPages(relid)
  const [mine, own] = [memory.bytes.slice(first * 4096 + 4, first * 4096 + 8), third * 4096]
  return Uint8Array.from([...mine, ...memory.bytes.subarray(own, own + 2 * 4096)])
}

/** Runs the steps, and returns what became of it for the tallies. */
function run(steps: readonly Step[]): Record<string, number> {
  let quiet = false
  const world = fixture()
  const { bus, calls, post, said } = world
  const end = world.open(1, () => quiet)
  const relid = 1
  const ended = new Map<number, number>()
  let sent = 0
  let [paused, rescinded, closed, released, unloaded, successor] = [false, false, false, false, false, false]
  let torn = false
  const { handle } = world
  let silence: Uint8Array | undefined
  const counts: Record<string, number> = {}

  const collect = (): void => {
    if (closed) return
    for (let packet = end.receive(); packet !== undefined; packet = end.receive()) {
      expect(packet.type).toBe(PacketType.completion)
      ended.set(packet.transactionLow, (ended.get(packet.transactionLow) ?? 0) + 1)
      expect(ended.get(packet.transactionLow)).toBe(1)
    }
  }
  const over = (what: string): void => {
    collect()
    if (!closed) counts[what] = (counts[what] ?? 0) + 1
    closed = true
    // During a pause the host has yet to hear of it.
    if (!paused) silence = hostBytes(world, relid)
  }

  for (const each of [...steps, { do: 'resume' } as const]) {
    const before = ended.size
    switch (each.do) {
      case 'send': {
        quiet = !each.signal
        const fits = end.sendInBand(Uint8Array.of(each.later ? 1 : 0, 0, 0, 0, 0, 0, 0, 0), sent, 0, true)
        quiet = false
        if (!fits) break
        sent++
        // A ring that was not empty is not signalled for again: the guest knocks.
        if (each.signal) world.signal(relid)
        if (!each.signal || paused || closed) break
        collect()
        if (!each.later) expect(ended.get(sent - 1)).toBe(1)
        if (rescinded && !each.later)
          counts['answered after the rescind'] = (counts['answered after the rescind'] ?? 0) + 1
        break
      }
      case 'finish':
        world.finish()
        break
      case 'rescind': {
        if (rescinded) break
        handle.rescind()
        rescinded = true
        expect([handle.rescinded, bus.devices.length]).toEqual([true, successor ? 1 : 0])
        collect()
        // Nothing that the guest had sent is left when it hears of the removal.
        if (!paused && !closed) expect(ended.size).toBe(sent)
        if (ended.size > before) counts['answered by the rescind'] = (counts['answered by the rescind'] ?? 0) + 1
        break
      }
      case 'offer':
        if (!rescinded || successor) break
        bus.offer(world.spec)
        successor = true
        break
      case 'close':
        if (closed) break
        post(encode(layouts.closeChannel, MessageId.closeChannel, { relid }))
        over('closed')
        break
      case 'teardown':
        if (torn || released || unloaded) break
        torn = true
        post(encode(layouts.gpadlTeardown, MessageId.gpadlTeardown, { relid, gpadl: relid }))
        break
      case 'release':
        // Before the guest has heard of a rescind it has nothing to release.
        if (released || unloaded || said(MessageId.rescindChannelOffer) === 0) break
        post(encode(layouts.relidReleased, MessageId.relidReleased, { relid }))
        released = true
        over('released')
        break
      case 'unload':
        if (unloaded) break
        post(encode(layouts.bare, MessageId.unload, {}))
        unloaded = true
        over('unloaded')
        break
      case 'save': {
        const state = bus.save()
        bus.restore(state)
        expect(JSON.stringify(bus.save())).toBe(JSON.stringify(state))
        break
      }
      case 'pause':
        bus.pause()
        paused = true
        break
      case 'resume':
        bus.resume()
        paused = false
        if (closed) silence ??= hostBytes(world, relid)
        break
    }
    collect()
    if (silence !== undefined) expect(Buffer.compare(hostBytes(world, relid), silence)).toBe(0)
  }

  // What a device leaves for later ends too, when nothing cut it off.
  world.signal(relid)
  for (let left = 0; left <= sent; left++) world.finish()
  collect()
  if (!closed) expect(ended.size).toBe(sent)
  const isFreed = said(MessageId.gpadlTorndown) === 1
  // Pages are given back once they are the guest's alone, and not before.
  if (!unloaded) expect(isFreed).toBe(torn && closed)
  expect(calls.filter((call) => call === 'rescinded')).toHaveLength(rescinded ? 1 : 0)
  expect(calls.filter((call) => call.startsWith('close'))).toHaveLength(closed ? 1 : 0)
  expect(calls.filter((call) => call.startsWith('could not'))).toEqual([])
  expect(said(MessageId.rescindChannelOffer)).toBeLessThanOrEqual(1)
  // The successor is offered once its predecessor is released, and not before.
  if (!unloaded) expect(said(MessageId.offerChannel)).toBe(successor && released ? 2 : 1)
  return counts
}

test('in any order of sends, rescind, close, release, unload, pauses and saves each request ends once, and nothing is read after the end', () => {
  const totals: Record<string, number> = {}
  fc.assert(
    fc.property(fc.array(step, { minLength: 3, maxLength: 30, size: 'max' }), (steps) => {
      for (const [kind, count] of Object.entries(run(steps))) totals[kind] = (totals[kind] ?? 0) + count
    }),
    { seed: 11, numRuns: 400 },
  )
  // Lives in which nothing happens would keep every rule.
  const kinds = ['answered after the rescind', 'answered by the rescind', 'closed', 'released', 'unloaded']
  expect(kinds.filter((kind) => (totals[kind] ?? 0) < 15)).toEqual([])
})

test('a rescinded device answers on every channel until it closes, and its primary ends the others', () => {
  const world = fixture()
  const { calls, post, said, handle } = world
  const primary = world.open(1)
  world.subchannels(2)
  const [second, third] = [world.open(2), world.open(3)]
  handle.rescind()
  expect(said(MessageId.rescindChannelOffer)).toBe(3)
  const ask = (end: ChannelEnd, id: number): number | undefined => {
    end.sendInBand(new Uint8Array(8), id, 0, true)
    return end.receive()?.transactionLow
  }
  expect([ask(primary, 1), ask(second, 2), ask(third, 3)]).toEqual([1, 2, 3])
  post(encode(layouts.closeChannel, MessageId.closeChannel, { relid: 3 }))
  expect([ask(primary, 4), ask(second, 5), ask(third, 6)]).toEqual([4, 5, undefined])
  post(encode(layouts.closeChannel, MessageId.closeChannel, { relid: 1 }))
  expect([ask(primary, 7), ask(second, 8)]).toEqual([undefined, undefined])
  expect(calls).toEqual(['open 0', 'open 1', 'open 2', 'rescinded', 'close 2', 'close 0', 'close 1'])
  // Nothing more is offered for it, nor accepted.
  world.subchannels(4)
  post(encode(layouts.openChannel, MessageId.openChannel, { relid: 2, openId: 9, ringGpadl: 2, downstreamOffset: 2 }))
  expect([said(MessageId.offerChannel), said(MessageId.openChannelResult)]).toEqual([3, 3])
})
