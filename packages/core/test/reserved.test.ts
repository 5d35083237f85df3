import { describe, expect, test } from 'vitest'
import { HV_STATUS, triggerMonitor } from '@vmbus/hypervisor'
import { MessageId, NO_VP, Version, encode, layouts } from '../src/index.ts'
import {
  C2P,
  RING,
  bare,
  connect,
  contactV5,
  device,
  gpadlHeader,
  instance,
  fixture,
  types,
  type Log,
  type Fixture,
} from './host-fixture.ts'

const openReserved = (relid: number, targetVp = 1): Uint8Array =>
  encode(layouts.openReservedChannel, MessageId.openReservedChannel, {
    relid,
    targetVp,
    targetSint: 2,
    ringGpadl: 10,
    downstreamOffset: 2,
  })
const closeReserved = (relid: number, targetVp = 1): Uint8Array =>
  encode(layouts.closeReservedChannel, MessageId.closeReservedChannel, { relid, targetVp, targetSint: 2 })
const rings = (relid: number): Uint8Array => gpadlHeader(relid, 10, [RING, RING + 1, RING + 2, RING + 3])

/** A guest with an offered device at relid 1, opened as a reserved channel whose answers go to VP 1. */
function opened(log: Log, monitorLatency = 0): Fixture {
  const made = fixture()
  made.enable(1)
  made.bus.offer(device(log, instance(1), undefined, monitorLatency))
  connect(made.post)
  made.post(4, rings(1))
  made.take()
  expect(made.post(4, openReserved(1))).toBe(HV_STATUS.success)
  return made
}

describe('a channel opened as a reserved one', () => {
  test('is any that is offered; its answer goes where the request says', () => {
    const log: Log = { calls: [] }
    const { take, branches } = opened(log)
    expect(take(1).map((message) => layouts.openChannelResult.parse(message))).toMatchObject([
      { relid: 1, openId: 0, status: 0 },
    ])
    expect(take()).toEqual([])
    expect([log.calls, branches()]).toEqual([['open 0'], []])
  })

  test('has no interrupts, whatever processor its answers go to', () => {
    const log: Log = { calls: [] }
    const { partition, post, flags, branches } = opened(log)
    expect(log.channel?.targetVp).toBe(NO_VP)
    log.channel?.sendInBand(new Uint8Array(8), 1, 0, false)
    expect(flags()).toEqual([])
    expect(partition.memory.bytes.subarray(0x9000 + 512, 0x9000 + 768).every((byte) => byte === 0)).toBe(true)
    post(4, encode(layouts.modifyChannel, MessageId.modifyChannel, { relid: 1, targetVp: 0 }))
    expect(branches()).toEqual(['modify-interrupts'])
  })

  test('is signalled by hypercall, not through the monitor page', () => {
    const log: Log = { calls: [] }
    const { bus, guest, memory, timers } = opened(log, 1000)
    expect(bus.inspect()['channels']).toMatchObject([{ monitorId: 0 }])
    expect(timers.next()).toBe(Infinity)
    const [first, second] = [RING * 4096, (RING + 1) * 4096]
    // A packet of 16 bytes and its trailer: type 6, offset 2, length 2.
    memory.view.setUint32(second, 6 | (2 << 16), true)
    memory.view.setUint32(second + 4, 2, true)
    memory.view.setUint32(first, 24, true)
    triggerMonitor(memory, C2P, 0)
    bus.monitor()
    expect(log.calls).toEqual(['open 0'])
    guest.signalEvent(0x2001)
    expect(log.calls).toEqual(['open 0', 'readable'])
  })

  test('is open already: another request is no request, and nobody answers', () => {
    const log: Log = { calls: [] }
    const { post, take, branches } = opened(log)
    take(1)
    post(4, openReserved(1))
    post(4, encode(layouts.openChannel, MessageId.openChannel, { relid: 1, ringGpadl: 10, downstreamOffset: 2 }))
    expect([take(), take(1), log.calls]).toEqual([[], [], ['open 0']])
    expect(branches()).toEqual(['open-again', 'open-again'])
  })

  test('takes no ordinary close, grant or teardown', () => {
    const log: Log = { calls: [] }
    const { bus, post, take, branches } = opened(log)
    take(1)
    post(4, encode(layouts.closeChannel, MessageId.closeChannel, { relid: 1 }))
    post(4, gpadlHeader(1, 11, [RING + 4]))
    post(4, encode(layouts.gpadlTeardown, MessageId.gpadlTeardown, { relid: 1, gpadl: 10 }))
    post(4, encode(layouts.relidReleased, MessageId.relidReleased, { relid: 1 }))
    expect(take().map((message) => layouts.gpadlCreated.parse(message))).toMatchObject([
      { gpadl: 11, status: 0x8000_ffff },
    ])
    expect(branches()).toEqual(['reserved-open', 'reserved-open', 'reserved-open', 'release-open'])
    expect([log.calls, bus.inspect()['gpadlPages']]).toEqual([['open 0'], 4])
  })

  test('is closed by its own message alone, which an ordinary channel does not take', () => {
    const log: Log = { calls: [] }
    const { bus, post, take, branches } = opened(log)
    take(1)
    post(4, closeReserved(1, 0))
    expect([types(take()), take(1), log.calls]).toEqual([
      [MessageId.closeReservedChannelResponse],
      [],
      ['open 0', 'close 0'],
    ])
    // It is an offered channel again, with its rings still granted.
    post(4, encode(layouts.openChannel, MessageId.openChannel, { relid: 1, ringGpadl: 10, downstreamOffset: 2 }))
    expect(types(take())).toEqual([MessageId.openChannelResult])
    post(4, closeReserved(1))
    post(4, closeReserved(2))
    expect([take(), take(1)]).toEqual([[], []])
    expect(branches()).toEqual(['reserved-channel', 'reserved-channel'])
    expect(bus.inspect()['channels']).toMatchObject([{ phase: 'open' }])
  })

  test('outlives UNLOAD and the next contact, which is not offered it and does not get its relid', () => {
    const log: Log = { calls: [] }
    const { bus, post, take, branches } = opened(log)
    post(4, bare(MessageId.unload))
    take()
    take(1)
    expect([log.calls, bus.inspect()['gpadlPages']]).toEqual([['open 0'], 4])
    bus.offer(device({ calls: [] }, instance(2)))
    connect(post)
    const offers = take().filter(([id]) => id === MessageId.offerChannel)
    expect(offers.map((offer) => layouts.offerChannel.parse(offer))).toMatchObject([
      { relid: 2, instanceId: instance(2) },
    ])
    expect(log.channel?.sendInBand(new Uint8Array(8), 1, 0, false)).toBe(true)
    // The new guest numbers its GPADLs as it likes.
    post(4, gpadlHeader(2, 10, [RING + 8]))
    expect(take().map((message) => layouts.gpadlCreated.parse(message).status)).toEqual([0])
    post(4, closeReserved(1))
    expect(types(take(1))).toEqual([MessageId.closeReservedChannelResponse])
    // Now that it is closed, the guest that is there is offered it.
    expect(take().map((message) => layouts.offerChannel.parse(message))).toMatchObject([
      { relid: 1, instanceId: instance(1) },
    ])
    expect([log.calls, bus.inspect()['gpadlPages'], branches()]).toEqual([['open 0', 'close 0'], 1, []])
  })

  test('closed without a connection it leaves nothing behind', () => {
    const log: Log = { calls: [] }
    const { bus, post, take } = opened(log)
    post(4, bare(MessageId.unload))
    take(1)
    post(4, closeReserved(1))
    expect(types(take(1))).toEqual([MessageId.closeReservedChannelResponse])
    expect(bus.inspect()).toMatchObject({ gpadls: [], gpadlPages: 0, channels: [{ phase: 'unoffered', relid: 0 }] })
  })

  test('its answers outlive the connection as well', () => {
    const log: Log = { calls: [] }
    const { bus, post, take, mask, enable } = opened(log)
    take(1)
    mask(1)
    post(4, closeReserved(1))
    post(4, bare(MessageId.unload))
    enable(1)
    expect(types(take(1))).toEqual([MessageId.closeReservedChannelResponse])
    expect(bus.inspect()['outgoing']).toBe(0)
  })

  test.each([
    ['connected', false],
    ['unloaded', true],
  ])('ends with a reset of the machine: %s', (_when, unloads) => {
    const log: Log = { calls: [] }
    const { bus, memory, post } = opened(log)
    if (unloads) post(4, bare(MessageId.unload))
    bus.reset()
    expect(log.calls).toEqual(['open 0', 'close 0'])
    expect(bus.inspect()).toMatchObject({ gpadls: [], gpadlPages: 0, channels: [{ phase: 'unoffered', relid: 0 }] })
    const before = memory.bytes.slice()
    expect(log.channel?.sendInBand(new Uint8Array(8), 1, 0, false)).toBe(false)
    expect(Buffer.compare(before, memory.bytes)).toBe(0)
  })

  test.each([
    ['by the guest that opened it', false, [MessageId.rescindChannelOffer], 1],
    ['by nobody who knows it', true, [], 0],
  ])('a removal is heard %s', (_who, unloads, said, left) => {
    const log: Log = { calls: [] }
    const { bus, post, take } = opened(log)
    take(1)
    if (unloads) {
      post(4, bare(MessageId.unload))
      connect(post)
    }
    take()
    bus.devices[0]?.rescind()
    expect(types(take())).toEqual(said)
    expect(bus.inspect()['channels']).toHaveLength(left)
    expect(log.calls).toEqual(unloads ? ['open 0', 'close 0'] : ['open 0'])
  })
})

test('a rescinded reserved channel still takes its close', () => {
  const log: Log = { calls: [] }
  const { bus, post, take } = opened(log)
  take(1)
  bus.devices[0]?.rescind()
  take()
  post(4, closeReserved(1))
  expect([types(take(1)), log.calls]).toEqual([[MessageId.closeReservedChannelResponse], ['open 0', 'close 0']])
})

test('reserved channels are there from 4.0 on', () => {
  const { bus, post, take, branches } = fixture()
  bus.offer(device({ calls: [] }))
  post(1, contactV5(Version.v3_0))
  post(1, bare(MessageId.requestOffers))
  take()
  post(1, openReserved(1))
  expect([take(), branches()]).toEqual([[], ['message-version']])
})
