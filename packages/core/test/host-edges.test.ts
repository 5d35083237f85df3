import { expect, test } from 'vitest'
import { MessageId, Version, encode, layouts, type Channel } from '../src/index.ts'
import {
  RING,
  bare,
  connect,
  contactOld,
  contactV5,
  device,
  gpadlHeader,
  instance,
  openFirst,
  fixture,
  types,
  type Log,
} from './host-fixture.ts'

test('relid 0 names no channel, though channels that are not offered have it', () => {
  const { bus, post, take, branches } = fixture()
  bus.offer(device({ calls: [] }))
  post(4, contactV5(Version.v5_3))
  take()
  post(4, gpadlHeader(0, 10, [RING]))
  expect(take().map((message) => layouts.gpadlCreated.parse(message).status)).toEqual([0x8000_ffff])
  post(
    4,
    encode(layouts.openReservedChannel, MessageId.openReservedChannel, { relid: 0, targetSint: 2, ringGpadl: 10 }),
  )
  post(4, encode(layouts.relidReleased, MessageId.relidReleased, { relid: 0 }))
  expect(branches()).toEqual(['gpadl-channel', 'reserved-channel', 'release-channel'])
  expect(bus.inspect()['channels']).toMatchObject([{ phase: 'unoffered' }])
})

test('the SINT of a contact counts from 5.0 on, on the connection that is for it', () => {
  const { bus, post, take } = fixture()
  post(4, contactV5(Version.v5_0, { sint: 3 }))
  expect(bus.version).toBe(0)
  post(1, contactV5(Version.v5_0, { sint: 3 }))
  expect(bus.version).toBe(Version.v5_0)
  // Below, the byte is one of the interrupt page's address.
  post(1, contactOld(Version.v4_1, { interruptPage: 0x7003 }))
  expect(bus.version).toBe(Version.v4_1)
  expect(types(take()).every((type) => type === MessageId.versionResponse)).toBe(true)
})

test('below 2.4 a guest without an interrupt page is taken, and not signalled', () => {
  const log: Log = { calls: [] }
  const { bus, post, take, flags } = fixture()
  bus.offer(device(log))
  post(1, contactOld(Version.v1_1, { interruptPage: 0 }))
  post(1, bare(MessageId.requestOffers))
  openFirst(post)
  expect(bus.version).toBe(Version.v1_1)
  take()
  log.channel?.sendInBand(new Uint8Array(8), 1, 0, false)
  expect(flags()).toEqual([])
})

test('the owner has one handle of a device', () => {
  const { bus } = fixture()
  const handle = bus.offer(device({ calls: [] }))
  expect(bus.devices[0]).toBe(handle)
  expect(bus.devices[0]).toBe(bus.devices[0])
})

test('a guest is signalled after the answer to its open, and only if the device said something', () => {
  const order: string[] = []
  const { bus, post, flags } = fixture({
    trace: (event) => {
      if (event.kind === 'message' && event.to === 'guest') order.push(`message ${event.bytes[0]}`)
      if (event.kind === 'signal' && event.to === 'guest') order.push(`signal ${event.relid}`)
    },
  })
  const silent = device({ calls: [] }, instance(2))
  const spec = device({ calls: [] })
  bus.offer({
    ...spec,
    create: (deps, settings) => ({
      ...spec.create(deps, settings),
      open: (channel: Channel) => (channel.sendInBand(new Uint8Array(8), 1, 0, false) ? 0 : 1),
    }),
  })
  bus.offer(silent)
  connect(post)
  order.length = 0
  openFirst(post)
  expect(order).toEqual(['message 10', 'message 6', 'signal 1'])
  expect(flags()).toEqual([1])
  order.length = 0
  post(1, gpadlHeader(2, 11, [RING + 4, RING + 5, RING + 6, RING + 7]))
  post(1, encode(layouts.openChannel, MessageId.openChannel, { relid: 2, ringGpadl: 11, downstreamOffset: 2 }))
  expect(order).toEqual(['message 10', 'message 6'])
})

test('the host looks for room by itself, each millisecond, if the guest does not promise to say so', () => {
  const calls: string[] = []
  const { bus, post, memory, advance, timers } = fixture()
  const spec = device({ calls: [] })
  let channel: Channel | undefined
  bus.offer({
    ...spec,
    create: (deps, settings) => ({
      ...spec.create(deps, settings),
      open: (opened: Channel) => {
        channel = opened
        return 0
      },
      readable: (opened: Channel) => {
        while (opened.receive() !== undefined);
        while (opened.sendInBand(new Uint8Array(1000), 1, 0, false));
        opened.wantWritable(1024)
      },
      writable: () => void calls.push('writable'),
    }),
  })
  connect(post)
  // Rings without feature bits; a packet of 16 bytes from the guest makes the device fill its own ring.
  memory.words.set([6 | (2 << 16), 2, 0, 0, 0, 0], (RING + 1) * 1024)
  memory.words[RING * 1024] = 24
  openFirst(post)
  expect(channel?.writableBytes).toBeLessThan(1024)
  expect(timers.next()).toBe(10_000)
  advance(25_000)
  expect(calls).toEqual([])
  // The guest has read it all, and says nothing: read index of the host→guest ring.
  memory.words[(RING + 2) * 1024 + 1] = memory.words[(RING + 2) * 1024] ?? 0
  advance(10_000)
  expect(calls).toEqual(['writable'])
  expect(timers.next()).toBe(Infinity)
})
