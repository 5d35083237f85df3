import { describe, expect, test } from 'vitest'
import { MESSAGE_TYPE, VMBUS_SINT } from '@vmbus/hypervisor'
import { ALL_VERSIONS, MessageId, Version, encode, layouts, versionName } from '../src/index.ts'
import { instance, INTERRUPTS, pair as pairOf, probeDriver, type Pair, type PairOptions } from './pair.ts'

describe.each(INTERRUPTS)('with interrupts %s', (interrupts) => {
  const pair = (options: PairOptions = {}): Pair => pairOf({ interrupts, ...options })

  describe.each(ALL_VERSIONS.map((version) => [versionName(version), version] as const))(
    'both ends at version %s',
    (_name, version) => {
      test('connect, open, echo, close by rescind, unload; every page comes back', () => {
        const world = pair({ hostVersions: [version], guestVersions: [version] })
        const { host, guest, counts, device } = world
        const before = world.available
        const handle = host.offer(device({ instanceId: instance(1) }))
        host.offer(device({ instanceId: instance(2) }))
        guest.start()
        world.settle()
        expect(guest.phase).toBe('running')
        expect([host.version, guest.version]).toEqual([version, version])
        expect([counts.ended['open'], counts.waiting.size]).toEqual([2, 0])
        expect(guest.devices.map((each) => each.channels[0]?.state)).toEqual(['open', 'open'])

        expect(probeDriver(world).ping()).toBe(true)
        world.settle()
        expect([counts.pings, counts.pongs]).toEqual([1, 1])

        handle.rescind()
        world.settle()
        expect(counts.rescinds).toBe(1)
        expect(host.inspect()['channels']).toHaveLength(1)
        guest.unload()
        world.settle()
        expect(guest.phase).toBe('off')
        if (version >= Version.v1_1) expect(host.version).toBe(0)
        // The hypercall page stays.
        expect(world.available).toBe(before - 1)
        expect(counts.violations).toEqual([])
        expect(world.diagnostics).toEqual([])
      })
    },
  )

  test.each([
    ['at once', false, [MessageId.relidReleased]],
    ['after closing it, as Linux does', true, [MessageId.closeChannel, MessageId.relidReleased]],
  ])('the relid of a rescinded open channel is released %s', (_how, closesRescinded, expected) => {
    const world = pair({ behaviour: { closesRescinded } })
    const [handle, closed] = [1, 2].map((index) => world.host.offer(world.device({ instanceId: instance(index) })))
    world.guest.start()
    world.settle()
    const channel = world.guest.devices[1]?.channels[0]
    if (channel === undefined) throw new Error('no channel')
    probeDriver(world, 1).close(channel)
    world.settle()
    world.trace.length = 0
    handle?.rescind()
    world.settle()
    const posted = (): (number | undefined)[] =>
      world.trace.flatMap((event) => (event.kind === 'message' && event.to === 'host' ? [event.bytes[0]] : []))
    expect(posted()).toEqual(expected)
    // One that is closed already is not closed again.
    world.trace.length = 0
    closed?.rescind()
    world.settle()
    expect(posted()).toEqual([MessageId.relidReleased])
    expect(world.diagnostics).toEqual([])
  })

  test('a monitored channel signals through the page, and the host looks as often as its latency says', () => {
    const world = pair({ hostVersions: [Version.v5_3] })
    world.host.offer(world.device({ instanceId: instance(1), monitorLatency: 500 }))
    world.guest.start()
    // The host looks for as long as the channel is open: this world is never idle.
    for (let step = 0; step < 20; step++) world.step()
    expect(world.guest.devices[0]?.channels[0]?.offer).toMatchObject({ monitorAllocated: true, monitorId: 0 })
    probeDriver(world).ping()
    expect(world.trace.some((event) => event.kind === 'signal' && event.to === 'host')).toBe(false)
    for (let step = 0; step < 10; step++) world.step()
    expect(world.counts.pongs).toBe(1)
  })

  test('a state is restored only where its version and features are spoken', () => {
    const world = pair()
    world.guest.start()
    world.settle()
    expect(world.host.version).toBe(Version.v6_0)
    const older = pair({ hostVersions: [Version.v5_3] })
    expect(() => older.host.restore(world.host.save())).toThrow('VMBUS_STATE_INVALID')
    expect(() => older.guest.restore({ format: 'another' })).toThrow('VMBUS_STATE_INVALID')
  })

  test('a suspend releases the subchannels, which its host takes back with their primary, each under its own relid', () => {
    const world = pair({ hostVersions: [Version.v5_3], guestVersions: [Version.v5_3] })
    const handles = [1, 2].map((n) => world.host.offer(world.device({ instanceId: instance(n) })))
    world.guest.start()
    world.settle()
    handles[0]?.device.subchannels(2)
    handles[1]?.device.subchannels(1)
    world.settle()
    expect(world.guest.devices.map(({ channels }) => channels.map(({ offer }) => offer.relid))).toEqual([
      [1, 3, 4],
      [2, 5],
    ])
    world.trace.length = 0
    world.guest.suspend()
    world.settle()
    const posted = world.trace.flatMap((event) =>
      event.kind === 'message' && event.to === 'host' ? [event.bytes] : [],
    )
    expect(
      posted
        .filter(([id]) => id === MessageId.relidReleased)
        .map((message) => layouts.relidReleased.parse(message).relid),
    ).toEqual([3, 4, 5])
    // Subchannels are closed before any primary is.
    expect(
      posted
        .filter(([id]) => id === MessageId.closeChannel)
        .map((message) => layouts.closeChannel.parse(message).relid),
    ).toEqual([4, 3, 5, 1, 2])
    expect(posted.at(-1)?.[0]).toBe(MessageId.unload)
    expect(world.guest.devices.map(({ channels }) => channels.length)).toEqual([1, 1])
    expect([world.counts.violations, world.diagnostics]).toEqual([[], []])
  })

  test('after a resume devices are recognised by their instance, whatever relid they have now', () => {
    const world = pair({ autoOpen: false })
    const first = world.host.offer(world.device({ instanceId: instance(1) }))
    world.host.offer(world.device({ instanceId: instance(2) }))
    world.guest.start()
    world.settle()
    const [, second] = world.guest.devices
    const channel = second?.channels[0]
    expect(channel?.offer.relid).toBe(2)
    world.guest.suspend()
    world.settle()
    expect([world.guest.phase, channel?.state]).toEqual(['suspended', 'rescinded'])
    first.rescind()
    world.guest.resume()
    world.settle()
    expect(world.guest.devices.map((device) => device.instanceId)).toEqual([instance(2)])
    expect([channel?.offer.relid, channel?.state]).toEqual([1, 'offered'])
    expect(world.counts.rescinds).toBe(1)
  })

  describe('a guest that leaves', () => {
    const unloads = ({ trace }: ReturnType<typeof pair>): number =>
      trace.filter((event) => event.kind === 'message' && event.to === 'host' && event.bytes[0] === MessageId.unload)
        .length

    test('takes no answer to an UNLOAD that it has not said', () => {
      const world = pair()
      world.host.offer(world.device({ instanceId: instance(1) }))
      world.guest.start()
      world.settle()
      // The channel is being closed for as long as the host says nothing.
      world.host.pause()
      world.guest.suspend()
      world.partition.postMessage(0, VMBUS_SINT, MESSAGE_TYPE.vmbus, encode(layouts.bare, MessageId.unloadResponse, {}))
      world.settle()
      expect([world.guest.phase, unloads(world)]).toEqual(['suspending', 0])
      expect(world.diagnostics.map(({ detail }) => detail?.['branch'])).toEqual(['unloaded-unexpected'])
      world.host.resume()
      world.settle()
      expect([world.guest.phase, unloads(world)]).toEqual(['suspended', 1])
    })

    test('says UNLOAD once, whoever else wants it to leave', () => {
      const world = pair()
      world.host.offer(world.device({ instanceId: instance(1) }))
      world.guest.start()
      world.settle()
      world.guest.suspend()
      while (unloads(world) === 0 && world.step());
      world.guest.unload()
      world.settle()
      expect([world.guest.phase, unloads(world)]).toEqual(['off', 1])
    })
  })

  test('whoever grants a buffer has its id before the host answers, and a restore in between loses no answer', () => {
    const world = pair({ hostVersions: [Version.v5_3] })
    world.host.offer(world.device({ instanceId: instance(1) }))
    world.guest.start()
    world.settle()
    const driver = probeDriver(world)
    const [channel] = driver.channels
    if (channel === undefined) throw new Error('no channel')
    driver.grant(channel, 2)
    expect([driver.gpadls, world.counts.waiting.size]).toEqual([[], 1])
    world.restore(world.save())
    world.settle()
    expect(probeDriver(world).gpadls).toHaveLength(1)
    expect([world.counts.waiting.size, world.counts.violations]).toEqual([0, []])
  })

  test('a device is not called from within its own callback, however soon the guest answers', () => {
    const world = pair({ hostVersions: [Version.v5_3] })
    world.host.offer(world.device({ instanceId: instance(1) }))
    world.guest.start()
    world.settle()
    world.counts.chain = 50
    probeDriver(world).ping()
    world.settle()
    expect([world.counts.pings, world.counts.pongs, world.counts.violations]).toEqual([50, 50, []])
  })
})
