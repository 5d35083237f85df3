import { describe, expect, test } from 'vitest'
import { MessageId, Version, encode, layouts } from '../src/index.ts'
import {
  INSTANCE,
  RING,
  bare,
  connect,
  contactV5,
  device,
  gpadlHeader,
  instance,
  openFirst,
  fixture,
  types,
  type Log,
} from './host-fixture.ts'

const SECOND = 10_000_000
const DAY = 86_400 * SECOND

describe('a SINT that the guest masks', () => {
  test('gets what was said meanwhile once it is unmasked, in order, and costs no timer', () => {
    const { bus, post, take, mask, enable, advance, timers } = fixture()
    bus.offer(device({ calls: [] }))
    connect(post)
    take()
    mask()
    const second = bus.offer(device({ calls: [] }, instance(2)))
    bus.offer(device({ calls: [] }, instance(3)))
    second.rescind()
    expect(timers.next()).toBe(Infinity)
    advance(DAY)
    expect(bus.inspect()['outgoing']).toBe(3)
    enable()
    expect(types(take())).toEqual([MessageId.offerChannel, MessageId.offerChannel, MessageId.rescindChannelOffer])
    expect(bus.inspect()['outgoing']).toBe(0)
  })

  test('is told so once in the trace, when it takes the message', () => {
    const traced: number[] = []
    const { bus, post, take, mask, enable } = fixture({
      trace: (event) => void (event.kind === 'message' && event.to === 'guest' && traced.push(event.bytes[0] ?? 0)),
    })
    connect(post)
    take()
    mask()
    traced.length = 0
    bus.offer(device({ calls: [] }))
    expect(traced).toEqual([])
    enable()
    expect(traced).toEqual([MessageId.offerChannel])
  })

  test('gets the signals that it missed, too', () => {
    const { bus, post, take, mask, enable, flags } = fixture()
    const log: Log = { calls: [] }
    bus.offer(device(log))
    connect(post)
    openFirst(post)
    take()
    mask()
    expect(log.channel?.sendInBand(new Uint8Array(8), 1, 0, false)).toBe(true)
    enable()
    expect(flags()).toEqual([1])
    // Once: the next unmasking is no news.
    mask()
    enable()
    expect(flags()).toEqual([])
  })

  test('gets no signal of a channel that closed meanwhile', () => {
    const { bus, post, take, mask, enable, flags } = fixture()
    const log: Log = { calls: [] }
    bus.offer(device(log))
    connect(post)
    openFirst(post)
    take()
    mask()
    log.channel?.sendInBand(new Uint8Array(8), 1, 0, false)
    post(4, encode(layouts.closeChannel, MessageId.closeChannel, { relid: 1 }))
    enable()
    expect(flags()).toEqual([])
  })

  test('gets it after a restore as well', () => {
    const { bus, partition, post, take, mask, enable, flags } = fixture()
    const log: Log = { calls: [] }
    bus.offer(device(log))
    connect(post)
    openFirst(post)
    take()
    mask()
    log.channel?.sendInBand(new Uint8Array(8), 1, 0, false)
    bus.offer(device({ calls: [] }, instance(2)))
    const saved = { bus: bus.save(), partition: partition.save() }
    partition.restore(saved.partition)
    bus.restore(saved.bus)
    enable()
    expect([types(take()), flags()]).toEqual([[MessageId.offerChannel], [1]])
  })

  test('holds back no other: an answer that goes elsewhere is there at once', () => {
    const { bus, post, take, mask, enable } = fixture()
    bus.offer(device({ calls: [] }), undefined, { reservedRelid: 9 })
    connect(post)
    const target = { relid: 9, targetVp: 1, targetSint: 2 }
    post(4, gpadlHeader(9, 10, [RING, RING + 1, RING + 2, RING + 3]))
    const open = { ...target, ringGpadl: 10, downstreamOffset: 2 }
    post(4, encode(layouts.openReservedChannel, MessageId.openReservedChannel, open))
    take()
    mask()
    bus.offer(device({ calls: [] }, instance(2)))
    post(4, encode(layouts.closeReservedChannel, MessageId.closeReservedChannel, target))
    expect(bus.inspect()['outgoing']).toBe(3)
    enable(1)
    expect(types(take(1))).toEqual([MessageId.openChannelResult, MessageId.closeReservedChannelResponse])
    expect(bus.inspect()['outgoing']).toBe(1)
  })

  test('is not filled by a guest that asks for ever', () => {
    const { bus, post, mask } = fixture()
    mask()
    for (let round = 0; round < 3000; round++) {
      post(4, contactV5(Version.v5_3, { sint: 3 }))
      post(4, contactV5(0x0005_0009))
      post(4, contactV5(Version.v5_3))
      post(4, bare(MessageId.requestOffers))
      post(4, bare(MessageId.unload))
    }
    // The answer to its last question; whatever was said before went with the contact that followed.
    expect(bus.inspect()['outgoing']).toBe(1)
    for (let round = 0; round < 3000; round++) post(4, contactV5(Version.v5_3, { sint: 3 }))
    expect(bus.inspect()['outgoing']).toBe(2)
  })

  test('a new contact is not answered with what an earlier one left', () => {
    const { post, take, mask, enable } = fixture()
    connect(post)
    take()
    mask()
    post(4, bare(MessageId.unload))
    post(4, contactV5(Version.v5_0))
    enable()
    expect(types(take())).toEqual([MessageId.versionResponse])
  })

  test('a reset forgets what waits for it', () => {
    const { bus, post, take, mask, enable, flags } = fixture()
    const log: Log = { calls: [] }
    bus.offer(device(log))
    connect(post)
    openFirst(post)
    take()
    mask()
    log.channel?.sendInBand(new Uint8Array(8), 1, 0, false)
    bus.offer(device({ calls: [] }, instance(2)))
    bus.reset()
    enable()
    expect([take(), flags(), bus.inspect()['outgoing']]).toEqual([[], [], 0])
  })

  test('a processor or SINT that does not exist is refused at once', () => {
    const { bus, post, branches } = fixture()
    post(4, contactV5(Version.v5_3, { sint: 16 }))
    post(4, contactV5(0x0005_0009, { targetVp: 2 }))
    expect(bus.inspect()['outgoing']).toBe(0)
    expect(branches()).toEqual(['contact-sint', 'target', 'contact-version', 'target'])
  })
})

test('the guest that answers slowly is held off, and nobody else', () => {
  const { bus, post, take, mask, enable } = fixture({ versions: [Version.v5_3] })
  bus.offer(device({ calls: [] }, INSTANCE), undefined, { reservedRelid: 9 })
  connect(post)
  take()
  mask()
  let taken = 0
  while (post(4, encode(layouts.gpadlTeardown, MessageId.gpadlTeardown, { relid: 1, gpadl: 1 })) === 0 && taken < 600)
    taken++
  // A teardown of nothing is not answered: nothing waits.
  expect([taken, bus.inspect()['outgoing']]).toEqual([600, 0])
  let asked = 0
  const grant = encode(layouts.gpadlHeader, MessageId.gpadlHeader, {
    relid: 7,
    gpadl: 1,
    rangeBytes: 16,
    rangeCount: 1,
    ranges: new Uint8Array(16),
  })
  while (post(4, grant) === 0) asked++
  expect(asked).toBe(512)
  enable(1)
  const close = encode(layouts.closeReservedChannel, MessageId.closeReservedChannel, {
    relid: 9,
    targetVp: 1,
    targetSint: 2,
  })
  expect(post(4, close)).toBe(0)
  enable()
  expect(types(take())).toHaveLength(512)
})
