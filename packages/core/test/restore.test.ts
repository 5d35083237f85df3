import { describe, expect, test } from 'vitest'
import { guestMemory } from '@vmbus/hypervisor'
import { MessageId, Version, layouts, pageAllocator, type HostDevice, type HostDeviceSpec } from '../src/index.ts'
import { damaged, taken } from '@vmbus/world/testing'
import { instance, INTERRUPTS, pair as pairOf, probeDriver, type Pair, type PairOptions } from './pair.ts'

describe.each(INTERRUPTS)('with interrupts %s', (interrupts) => {
  const pair = (options: PairOptions = {}): Pair => pairOf({ interrupts, ...options })

  const REFUSAL = new Error('this device takes no such state')

  /** The device of the pair, which says what it is asked, and refuses while `refuses`. */
  function asked(world: Pair, n: number, calls: string[], control: { refuses: boolean }): HostDeviceSpec {
    const spec = world.device({ instanceId: instance(n) })
    return {
      ...spec,
      create(deps, settings): HostDevice {
        const device = spec.create(deps, settings)
        calls.push(`create ${n}`)
        return {
          ...device,
          checkState() {
            calls.push(`check ${n}`)
            if (control.refuses) throw REFUSAL
          },
          restore(state, channels) {
            calls.push(`restore ${n}`)
            device.restore(state, channels)
          },
        }
      },
    }
  }

  test('every device is asked before anything is touched: a refusal leaves bus and devices as they were', () => {
    const world = pair({ hostVersions: [Version.v5_3] })
    const calls: string[] = []
    const [willing, other] = [{ refuses: false }, { refuses: false }]
    world.host.offer(asked(world, 1, calls, willing))
    world.host.offer(asked(world, 2, calls, other))
    world.guest.start()
    world.settle()
    const saved = world.host.save()
    other.refuses = true
    expect(() => world.host.restore(saved)).toThrow(REFUSAL)
    expect(calls).toEqual(['create 1', 'create 2', 'check 1', 'check 2'])
    probeDriver(world).ping()
    world.settle()
    expect([world.counts.pings, world.counts.pongs]).toEqual([1, 1])

    other.refuses = false
    world.host.restore(world.host.save())
    expect(calls.slice(4)).toEqual(['check 1', 'check 2', 'create 1', 'restore 1', 'create 2', 'restore 2'])
    probeDriver(world).ping()
    world.settle()
    expect([world.counts.pings, world.counts.pongs]).toEqual([2, 2])
  })

  test('a device that only `find` knows is made to be asked, and that one is kept', () => {
    const [first, second] = [pair(), pair()]
    first.host.offer(first.device({ instanceId: instance(1) }))
    const calls: string[] = []
    second.host.restore(first.host.save(), () => ({ spec: asked(second, 1, calls, { refuses: false }) }))
    expect(calls).toEqual(['create 1', 'check 1', 'restore 1'])
    const refusing = { spec: asked(second, 1, calls, { refuses: true }) }
    expect(() => second.host.restore(first.host.save(), () => refusing)).toThrow(REFUSAL)
    expect(second.host.devices.map(({ rescinded }) => rescinded)).toEqual([false])
  })

  test('a driver that refuses leaves the guest bus as it was', () => {
    const world = pair()
    world.host.offer(world.device({ instanceId: instance(1) }))
    world.guest.start()
    world.settle()
    const saved = world.guest.save() as { drivers: { state: unknown }[] }
    const bad = { ...saved, drivers: saved.drivers.map((driver) => ({ ...driver, state: 'nonsense' })) }
    expect(() => world.guest.restore(bad)).toThrow('no state of a probe')
    probeDriver(world).ping()
    world.settle()
    expect([world.counts.pongs, world.counts.violations]).toEqual([1, []])
  })

  test.each([
    [Version.v5_3, 0x04],
    [Version.v6_0, 0x80],
  ])('feature flags that version %i of this host does not have are refused', (version, features) => {
    const world = pair({ hostVersions: [version], guestVersions: [version] })
    world.guest.start()
    world.settle()
    const saved = world.host.save() as { connection: object }
    expect(() => world.host.restore({ ...saved, connection: { ...saved.connection, features } })).toThrow(
      'VMBUS_STATE_INVALID',
    )
    world.host.restore(saved)
  })

  describe('a state on a host with other devices', () => {
    const relids = (world: Pair, id: number): number[] =>
      world.trace.flatMap((event) =>
        event.kind !== 'message' || event.to !== 'guest' || event.bytes[0] !== id
          ? []
          : [
              id === MessageId.offerChannel
                ? layouts.offerChannel.parse(event.bytes).relid
                : layouts.rescindChannelOffer.parse(event.bytes).relid,
            ],
      )

    test.each([[false], [true]])('rescinds what is gone and offers what is new (saved in a pause: %s)', (paused) => {
      const [from, to] = [pair({ vps: 1 }), pair({ vps: 1 })]
      for (const n of [1, 2]) from.host.offer(from.device({ instanceId: instance(n) }))
      from.guest.start()
      from.settle()
      const [stays, comes] = [2, 3].map((n) => to.host.offer(to.device({ instanceId: instance(n) })))
      if (paused) from.host.pause()
      to.restore(from.save(), true)
      expect(to.trace).toEqual([])
      if (paused) {
        to.settle()
        expect(to.trace).toEqual([])
        to.host.resume()
      }
      to.settle()
      expect(relids(to, MessageId.rescindChannelOffer)).toEqual([1])
      // The relid of what is gone is the guest's until it releases it.
      expect(relids(to, MessageId.offerChannel)).toEqual([3])
      expect(to.guest.devices.map(({ instanceId, channels }) => [instanceId, channels[0]?.state])).toEqual([
        [instance(2), 'open'],
        [instance(3), 'open'],
      ])
      for (const index of [0, 1]) {
        expect(probeDriver(to, index).ping()).toBe(true)
        to.settle()
      }
      expect(to.counts).toMatchObject({ pings: 2, pongs: 2, rescinds: 1, violations: [] })
      expect(to.host.inspect()['gpadls']).toHaveLength(2)
      expect([stays?.rescinded, comes?.rescinded, to.host.devices.length]).toEqual([false, false, 2])
      comes?.rescind()
      to.settle()
      expect(to.guest.devices.map(({ instanceId }) => instanceId)).toEqual([instance(2)])
      expect(to.diagnostics).toEqual([])
    })

    test('closes the rings of what is gone: a guest that still sends reaches nobody', () => {
      const [from, to] = [pair({ vps: 1 }), pair({ vps: 1 })]
      from.host.offer(from.device({ instanceId: instance(1) }))
      from.guest.start()
      from.settle()
      from.host.pause()
      probeDriver(from).ping()
      to.restore(from.save(), true)
      expect(probeDriver(to).ping()).toBe(true)
      to.host.resume()
      to.settle()
      expect(to.guest.devices).toEqual([])
      expect(to.host.inspect()).toMatchObject({ channels: [], gpadls: [], gpadlPages: 0, devices: [] })
    })

    test('keeps a reserved channel reserved', () => {
      const [from, to] = [pair(), pair()]
      from.guest.start()
      from.settle()
      to.host.offer(to.device({ instanceId: instance(1) }), undefined, { reservedRelid: 9 })
      to.restore(from.save(), true)
      to.settle()
      expect(to.host.inspect()['channels']).toMatchObject([{ relid: 9, phase: 'offered' }])
      expect(relids(to, MessageId.offerChannel)).toEqual([])
    })
  })

  test('a handle follows its device to the key that the state has for it', () => {
    const [from, to] = [pair({ autoOpen: false }), pair({ autoOpen: false })]
    from.host.offer(from.device({ instanceId: instance(1) })).rescind()
    from.host.offer(from.device({ instanceId: instance(2) }))
    from.host.offer(from.device({ instanceId: instance(1) }))
    const handle = to.host.offer(to.device({ instanceId: instance(1) }))
    to.host.offer(to.device({ instanceId: instance(2) }))
    to.host.restore(from.host.save())
    expect(to.host.devices.find(({ instanceId }) => instanceId === instance(1))?.device).toBe(handle.device)
    handle.rescind()
    expect(to.host.devices.map(({ instanceId }) => instanceId)).toEqual([instance(2)])
  })

  describe('a state with one thing wrong is refused, and nothing has changed', () => {
    /** A world in which most of what can be saved is there: a subchannel, grants, a pause with what waits for its end. */
    function busy(): Pair {
      const world = pair({ hostVersions: [Version.v5_3], guestVersions: [Version.v5_3] })
      const [first] = [1, 2].map((n) => world.host.offer(world.device({ instanceId: instance(n) })))
      world.guest.start()
      world.settle()
      first?.device.subchannels(1)
      world.settle()
      const driver = probeDriver(world)
      const [primary] = driver.channels
      if (primary === undefined) throw new Error('no channel')
      driver.grant(primary, 40)
      world.settle()
      world.host.pause()
      driver.retarget(primary, 1)
      driver.grant(primary, 3)
      driver.ping()
      world.host.devices[1]?.rescind()
      return world
    }

    test('of the host bus', () => {
      const { host } = busy()
      const saved = host.save()
      const states = [...damaged(saved, (path) => /^\.devices\.\d+\.state/.test(path))]
      expect(states.length).toBeGreaterThan(400)
      expect(taken(states, host)).toEqual([])
    })

    test('of the guest bus', () => {
      const { guest } = busy()
      const saved = guest.save()
      const states = [...damaged(saved, (path) => /^\.drivers\.\d+\.state/.test(path))]
      expect(states.length).toBeGreaterThan(200)
      expect(taken(states, guest)).toEqual([])
    })

    test.each([
      ['two channels of one key', (saved: Saved) => ({ ...saved, channels: [...saved.channels, saved.channels[0]] })],
      ['a key that is to be given again', (saved: Saved) => ({ ...saved, nextKey: 1 })],
      ['rings of nobody', (saved: Saved) => ({ ...saved, rings: saved.rings.map((ring) => ({ ...ring, key: 99 })) })],
      ['rings without their grants', (saved: Saved) => ({ ...saved, gpadls: [] })],
      ['an open channel that nobody asked for', (saved: Saved) => changed(saved, { request: null })],
      ['rings outside of RAM', (saved: Saved) => ({ ...saved, gpadls: saved.gpadls.map(beyond) })],
      ['rings that begin nowhere', (saved: Saved) => changed(saved, {}, { downstreamOffset: 1 })],
      ['an index that the ring has not', (saved: Saved) => ({ ...saved, rings: saved.rings.map(further) })],
      ['a channel of no device', (saved: Saved) => ({ ...saved, devices: [] })],
    ])('of the host bus: %s', (_what, change) => {
      const { host } = busy()
      expect(taken([{ at: 'here', state: change(host.save() as Saved) }], host)).toEqual([])
    })

    interface Saved {
      readonly channels: readonly { readonly request: object | null }[]
      readonly gpadls: readonly { readonly ranges: readonly { readonly pfns: readonly number[] }[] }[]
      readonly rings: readonly { readonly key: number; readonly state: { readonly in: object } }[]
    }
    const changed = (saved: Saved, fields: object, request: object = {}): unknown => ({
      ...saved,
      channels: saved.channels.map((channel) =>
        channel.request === null ? channel : { ...channel, request: { ...channel.request, ...request }, ...fields },
      ),
    })
    const beyond = (gpadl: Saved['gpadls'][0]): unknown => ({
      ...gpadl,
      ranges: gpadl.ranges.map((range) => ({ ...range, pfns: range.pfns.map(() => 128) })),
    })
    const further = ({ key, state }: Saved['rings'][0]): unknown => ({
      key,
      state: { ...state, in: { read: 4096, published: 4096 } },
    })

    test('of the pages: what lies outside, and what is none', () => {
      const memory = guestMemory(16 * 4096)
      const pages = pageAllocator(memory, 4, 12)
      pages.free(pages.allocate(3).slice(1))
      const saved = pages.save()
      expect(taken(damaged(saved), pages)).toEqual([])
      const outside = [
        { next: 13, free: [] },
        { next: 3, free: [] },
        { next: 7, free: [3] },
        { next: 7, free: [7] },
        { next: 7, free: [5, 5] },
      ]
      const head = { kind: 'pages', v: 1 }
      expect(
        taken(
          outside.map((state) => ({ at: JSON.stringify(state), state: { ...head, ...state } })),
          pages,
        ),
      ).toEqual([])
      pages.restore({ ...head, next: 12, free: [] })
      expect(pages.available).toBe(0)
    })
  })
})
