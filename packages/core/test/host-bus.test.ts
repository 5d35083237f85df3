import { describe, expect, test } from 'vitest'
import { Feature, MessageId, Version, encode, layouts, type HostBusOptions, type HostDevice } from '../src/index.ts'
import {
  INSTANCE,
  NIC,
  RING,
  connect,
  contactOld,
  contactV5,
  device,
  gpadlHeader,
  openFirst,
  fixture,
  types,
  type Log,
} from './host-fixture.ts'

describe('a guest that speaks 5.3', () => {
  test('connects, is offered a device, opens it, closes it and unloads', () => {
    const { bus, post, take } = fixture()
    const log: Log = { calls: [] }
    bus.offer(device(log))
    expect(post(4, contactV5(Version.v5_3))).toBe(0)
    const [response] = take()
    expect(layouts.versionResponse.parse(response ?? new Uint8Array())).toMatchObject({
      msgtype: 15,
      supported: 1,
      connectionState: 0,
      selected: 4,
    })
    expect(response).toHaveLength(16)

    expect(post(4, encode(layouts.bare, MessageId.requestOffers, {}))).toBe(0)
    const [offer, all] = take()
    expect(layouts.offerChannel.parse(offer ?? new Uint8Array())).toMatchObject({
      interfaceId: NIC,
      instanceId: INSTANCE,
      relid: 1,
      monitorId: 0xff,
      connectionId: 0x2001,
    })
    expect(all?.[0]).toBe(MessageId.allOffersDelivered)

    post(4, gpadlHeader(1, 0xe1e10, [RING, RING + 1, RING + 2, RING + 3]))
    expect(types(take())).toEqual([MessageId.gpadlCreated])
    post(
      4,
      encode(layouts.openChannel, MessageId.openChannel, {
        relid: 1,
        openId: 7,
        ringGpadl: 0xe1e10,
        downstreamOffset: 2,
      }),
    )
    const [opened] = take()
    expect(layouts.openChannelResult.parse(opened ?? new Uint8Array())).toMatchObject({
      relid: 1,
      openId: 7,
      status: 0,
    })
    expect(log.calls).toEqual(['open 0'])

    post(4, encode(layouts.closeChannel, MessageId.closeChannel, { relid: 1 }))
    expect(take()).toEqual([])
    post(4, encode(layouts.gpadlTeardown, MessageId.gpadlTeardown, { relid: 1, gpadl: 0xe1e10 }))
    expect(types(take())).toEqual([MessageId.gpadlTorndown])
    post(4, encode(layouts.bare, MessageId.unload, {}))
    expect(types(take())).toEqual([MessageId.unloadResponse])
    expect(bus.version).toBe(0)
    expect(log.calls).toEqual(['open 0', 'close 0'])
  })
})

test('a host before RS3 has no connection 4', () => {
  const { post } = fixture({ versions: [Version.v4_0, Version.v3_0] })
  expect(post(4, contactV5(Version.v5_0))).toBe(0x12)
  expect(post(1, contactOld(Version.v4_0))).toBe(0)
})

test('features are those of both', () => {
  const { bus, post, take } = fixture({ versions: [Version.v6_0] })
  post(4, contactV5(Version.v6_0, { features: 0xff }))
  const [response] = take()
  expect(response).toHaveLength(20)
  expect(bus.features).toBe(Feature.guestSpecifiedSignalParameters | Feature.modifyConnection | Feature.pauseResume)
})

describe('contact', () => {
  const responseTo = (contact: Uint8Array, connection = 4, options: Partial<HostBusOptions> = {}): number[] => {
    const { post, take } = fixture(options)
    post(connection, contact)
    return [...(take()[0] ?? [])]
  }

  test('an unknown version is answered with 16 bytes of which only the number is not zero', () => {
    expect(responseTo(contactV5(0x0005_0009))).toEqual([15, ...Array<number>(15).fill(0)])
  })

  test('one monitor page without the other is a failure that versions below 2.4 cannot name', () => {
    expect(responseTo(contactOld(Version.v3_0, { childToParentMonitor: 0 }), 1).slice(8, 10)).toEqual([1, 2])
    expect(responseTo(contactOld(Version.v1_1, { childToParentMonitor: 0 }), 1).slice(8, 10)).toEqual([0, 0])
  })

  test('an unaligned interrupt page counts only below 2.4', () => {
    expect(responseTo(contactOld(Version.v1_1, { interruptPage: 0x7008 }), 1)[8]).toBe(0)
    expect(responseTo(contactOld(Version.v2_4, { interruptPage: 0x7008 }), 1).slice(8, 10)).toEqual([1, 0])
  })

  test('another SINT or VTL is refused, and leaves the connection alone', () => {
    const { bus, post, take } = fixture()
    post(4, contactV5(Version.v5_3))
    take()
    post(4, contactV5(Version.v5_3, { vtl: 2 }))
    expect(take()[0]?.[8]).toBe(0)
    post(4, contactV5(Version.v5_3, { sint: 3 }))
    expect(bus.version).toBe(Version.v5_3)
    // Below 5.1 the byte is no VTL.
    post(4, contactV5(Version.v5_0, { vtl: 2 }))
    expect(bus.version).toBe(Version.v5_0)
  })

  test('a reset drops the answer that waits at a masked SINT for a guest that never connected', () => {
    const { bus, post } = fixture()
    const waiting = (): unknown => bus.inspect()['outgoing']
    post(4, contactV5(Version.v5_3, { sint: 3 }))
    expect(waiting()).toBe(1)
    bus.reset()
    expect(waiting()).toBe(0)
  })

  test('the forms of the response', () => {
    expect(responseTo(contactV5(Version.v5_3))).toHaveLength(16)
    const v6 = { versions: [Version.v6_0] }
    expect(responseTo(contactV5(Version.v6_0, { features: 0 }), 4, v6)).toHaveLength(20)
    expect(responseTo(contactV5(Version.v6_0, { childToParentMonitor: 0 }), 4, v6)).toHaveLength(20)
    const pages = { ...v6, serverMonitorPages: { parentToChild: 0, childToParent: 0x8000 } }
    const response = Uint8Array.from(responseTo(contactV5(Version.v6_0, { features: 0x40 }), 4, pages))
    expect(layouts.versionResponseV6Monitor.parse(response)).toMatchObject({
      supported: 1,
      features: 0x40,
      parentToChildMonitor: 0,
      childToParentMonitor: 0x8000,
    })
  })

  test('a new contact ends the connection before', () => {
    const { bus, post, take } = fixture()
    const log: Log = { calls: [] }
    bus.offer(device(log))
    connect(post)
    openFirst(post)
    post(4, contactV5(Version.v5_0))
    expect(log.calls).toEqual(['open 0', 'close 0'])
    expect(bus.inspect()).toMatchObject({ version: Version.v5_0, gpadls: [], gpadlPages: 0 })
    expect(take().at(-1)?.[0]).toBe(MessageId.versionResponse)
  })

  test('a second UNLOAD has nobody to answer it', () => {
    const { post, take } = fixture()
    connect(post)
    take()
    post(4, encode(layouts.bare, MessageId.unload, {}))
    post(4, encode(layouts.bare, MessageId.unload, {}))
    expect(types(take())).toEqual([MessageId.unloadResponse])
  })
})

test('a GPADL ends where its announced list ends, whatever follows; one without end is refused', () => {
  const { bus, post, take } = fixture()
  bus.offer(device({ calls: [] }))
  connect(post)
  take()
  const padded = gpadlHeader(1, 5, [RING, RING + 1, 0xffff_ffff])
  // One page less announced than listed: the last is padding, as UEFI sends it.
  new DataView(padded.buffer).setUint16(16, 8 + 16, true)
  new DataView(padded.buffer).setUint32(20, 2 * 4096, true)
  post(4, padded)
  const short = gpadlHeader(1, 6, [RING, RING + 1])
  new DataView(short.buffer).setUint32(20, 4096, true)
  post(4, short)
  expect(take().map((message) => layouts.gpadlCreated.parse(message).status)).toEqual([0, 0x8000_ffff])
  expect(bus.inspect()).toMatchObject({ gpadlPages: 2 })
})

describe('removal', () => {
  test('requests on a dying channel are answered, its relid is not reused, and its successor waits', () => {
    const { bus, post, take } = fixture()
    const log: Log = { calls: [] }
    const handle = bus.offer(device(log))
    connect(post)
    openFirst(post)
    take()
    handle.rescind()
    expect([log.calls, handle.rescinded, bus.devices]).toEqual([['open 0'], true, []])
    bus.offer(device(log))
    bus.offer(device(log, '00000000-0000-0000-0000-000000000009'))
    const messages = take()
    expect(types(messages)).toEqual([MessageId.rescindChannelOffer, MessageId.offerChannel])
    expect(layouts.offerChannel.parse(messages[1] ?? new Uint8Array())).toMatchObject({
      relid: 2,
      instanceId: '00000000-0000-0000-0000-000000000009',
    })
    post(4, gpadlHeader(1, 0x50, [RING]))
    post(4, encode(layouts.gpadlTeardown, MessageId.gpadlTeardown, { relid: 1, gpadl: 0x50 }))
    const [created, torndown] = take()
    expect(layouts.gpadlCreated.parse(created ?? new Uint8Array())).toMatchObject({ gpadl: 0x50, status: 0 })
    expect(torndown?.[0]).toBe(MessageId.gpadlTorndown)
    post(4, encode(layouts.openChannel, MessageId.openChannel, { relid: 1, ringGpadl: 0xe1e10, downstreamOffset: 2 }))
    expect(take()).toEqual([])
    post(4, encode(layouts.relidReleased, MessageId.relidReleased, { relid: 1 }))
    const [again] = take()
    expect(layouts.offerChannel.parse(again ?? new Uint8Array())).toMatchObject({ relid: 1, instanceId: INSTANCE })
    expect(log.calls).toEqual(['open 0', 'close 0'])
    expect(bus.inspect()).toMatchObject({ gpadls: [], gpadlPages: 0 })
  })

  test('subchannels go before their primary', () => {
    const { bus, post, take } = fixture()
    let offerSubchannels = (_count: number): void => {}
    const base = device({ calls: [] })
    const handle = bus.offer({
      ...base,
      create: (deps, settings) => {
        offerSubchannels = deps.offerSubchannels
        return base.create(deps, settings)
      },
    })
    connect(post)
    openFirst(post)
    offerSubchannels(2)
    offerSubchannels(2)
    expect(types(take()).filter((type) => type === MessageId.offerChannel)).toHaveLength(3)
    handle.rescind()
    expect(take().map((message) => layouts.rescindChannelOffer.parse(message).relid)).toEqual([3, 2, 1])
  })
})

describe('a guest that does not listen', () => {
  test('is asked to try again, and loses nothing', () => {
    const { post, take } = fixture()
    connect(post)
    let sent = 0
    while (post(4, gpadlHeader(99, 1, [RING])) === 0) {
      sent++
      expect(sent).toBeLessThan(4000)
    }
    expect(post(4, gpadlHeader(99, 1, [RING]))).toBe(0x13)
    const answers: Uint8Array[] = []
    for (let round = 0; round < 20 && answers.length < sent + 2; round++) {
      answers.push(...take())
      post(4, encode(layouts.bare, MessageId.requestOffers, {}))
    }
    expect(types(answers).filter((type) => type === MessageId.gpadlCreated)).toHaveLength(sent)
  })

  test('in 6.0 says so: its answers wait for RESUME', () => {
    const { post, take } = fixture({ versions: [Version.v6_0] })
    post(4, contactV5(Version.v6_0, { features: Feature.pauseResume }))
    take()
    post(4, encode(layouts.bare, MessageId.pause, {}))
    post(4, encode(layouts.bare, MessageId.requestOffers, {}))
    expect(types(take())).toEqual([MessageId.pauseResponse])
    post(4, encode(layouts.bare, MessageId.resume, {}))
    expect(types(take())).toEqual([MessageId.allOffersDelivered])
  })
})

test('a paused bus is silent, and answers when it goes on', () => {
  const { bus, post, take } = fixture()
  const log: Log = { calls: [] }
  bus.offer(device(log))
  connect(post)
  take()
  bus.pause()
  post(4, gpadlHeader(1, 0xe1e10, [RING, RING + 1, RING + 2, RING + 3]))
  bus.offer(device(log, '00000000-0000-0000-0000-000000000002'))
  expect(take()).toEqual([])
  bus.resume()
  expect(types(take())).toEqual([MessageId.offerChannel, MessageId.gpadlCreated])
})

test('reserved channels are never offered, outlive the connection, and close without one', () => {
  const { bus, post, take } = fixture()
  const log: Log = { calls: [] }
  bus.offer(device(log), undefined, { reservedRelid: 2047 })
  connect(post)
  expect(types(take())).toEqual([MessageId.versionResponse, MessageId.allOffersDelivered])
  post(4, gpadlHeader(2047, 5, [RING, RING + 1, RING + 2, RING + 3]))
  post(
    4,
    encode(layouts.openReservedChannel, MessageId.openReservedChannel, {
      relid: 2047,
      targetVp: 0,
      targetSint: 2,
      ringGpadl: 5,
      downstreamOffset: 2,
    }),
  )
  post(4, encode(layouts.bare, MessageId.unload, {}))
  take()
  expect(log.calls).toEqual(['open 0'])
  post(
    4,
    encode(layouts.closeReservedChannel, MessageId.closeReservedChannel, { relid: 2047, targetVp: 0, targetSint: 2 }),
  )
  expect(types(take())).toEqual([MessageId.closeReservedChannelResponse])
  expect(log.calls).toEqual(['open 0', 'close 0'])
})

test.each([
  [Version.v4_0, []],
  [Version.v4_1, [MessageId.tlConnectResult]],
])('a socket that nobody listens for, at %s', (version, answer) => {
  const { post, take } = fixture({ versions: [version] })
  post(1, contactOld(version))
  take()
  post(1, encode(layouts.tlConnectRequest, MessageId.tlConnectRequest, { endpointId: INSTANCE, serviceId: NIC }))
  expect(types(take())).toEqual(answer)
})

test.each([
  [Version.v4_1, []],
  [Version.v5_3, [0, 0x8000_ffff]],
])('MODIFYCHANNEL is answered from 5.3 on, here %s', (version, statuses) => {
  const { bus, post, take } = fixture()
  const log: Log = { calls: [] }
  bus.offer(device(log))
  post(1, version < Version.v5_0 ? contactOld(version) : contactV5(version))
  post(1, encode(layouts.bare, MessageId.requestOffers, {}))
  openFirst(post)
  take()
  for (const targetVp of [1, 2]) post(1, encode(layouts.modifyChannel, MessageId.modifyChannel, { relid: 1, targetVp }))
  expect(take().map((message) => layouts.modifyChannelResponse.parse(message).status)).toEqual(statuses)
  expect(log.channel?.targetVp).toBe(1)
})

test('below 2.4 there are 255 channels', () => {
  const { bus, post, take } = fixture({ diagnose: () => {} })
  for (let number = 1; number <= 300; number++)
    bus.offer(device({ calls: [] }, `00000000-0000-0000-0000-${number.toString(16).padStart(12, '0')}`))
  post(1, contactOld(Version.v1_1))
  post(1, encode(layouts.bare, MessageId.requestOffers, {}))
  const relids = take().flatMap((message) =>
    message[0] === MessageId.offerChannel ? [layouts.offerChannel.parse(message).relid] : [],
  )
  expect([relids.length, Math.max(...relids)]).toEqual([255, 255])
})

test('a handle from before restores follows the device, also when it has left the bus: never one from before', () => {
  const made: HostDevice[] = []
  const { bus } = fixture()
  const log: Log = { calls: [] }
  const spec = device(log)
  const create = (...args: Parameters<typeof spec.create>): HostDevice => {
    const next = spec.create(...args)
    made.push(next)
    return next
  }
  const handle = bus.offer({ ...spec, create })
  for (let i = 0; i < 3; i++) bus.restore(bus.save())
  expect(made).toHaveLength(4)
  handle.rescind()
  expect(bus.devices).toEqual([])
  expect(handle.device).toBe(made[3])
})
