import { createPartition, guestMemory, guestProcessor, type GuestProcessor, type Partition } from '@vmbus/hypervisor'
import { seeded, timerQueue, virtualClock, type Diagnostic } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { Feature, MessageId, Version, createHostBus, encode, layouts, type Channel, type HostBus, type HostBusOptions, type HostDeviceSpec } from '../src/index.ts'

const SIMP = 0x1000
const SIEFP = 0x2000
const INPUT = 0x3000
const P2C = 0x5000
const C2P = 0x6000
const INTERRUPT_PAGE = 0x7000
const RING = 0x10

interface Rig {
  readonly bus: HostBus
  readonly partition: Partition
  readonly guest: GuestProcessor
  readonly diagnostics: Diagnostic[]
  /** Posts and returns the status. */
  post(connection: number, payload: Uint8Array): number
  /** Every message that waits for the guest, in order. */
  take(): Uint8Array[]
}

function rig(options: Partial<HostBusOptions> = {}): Rig {
  const clock = virtualClock()
  const diagnostics: Diagnostic[] = []
  const timers = timerQueue((name) => {
    if (name.startsWith('bus/')) bus.timer(name.slice(4))
  })
  const memory = guestMemory(64 * 4096)
  const partition = createPartition({ memory, clock, timers, vps: 2, interrupt: () => {} })
  const bus = createHostBus({
    partition,
    clock,
    timers: { set: (name, at) => timers.set(`bus/${name}`, at), clear: (name) => timers.clear(`bus/${name}`) },
    seed: seeded(1),
    versions: [Version.v5_3, Version.v5_0, Version.v4_1, Version.v3_0, Version.v2_4, Version.v1_1, Version.v0_13],
    diagnose: (diagnostic) => diagnostics.push(diagnostic),
    ...options,
  })
  const guest = guestProcessor(partition)
  guest.enableHypercalls(0x8100_0006_0001_0000n, 0x4000)
  guest.enableSynic({ messagePage: SIMP, eventFlagsPage: SIEFP, vector: 0xf3 })
  const slot = new Uint8Array(256)
  return {
    bus,
    partition,
    guest,
    diagnostics,
    post: (connection, payload) => guest.postMessage(INPUT, connection, 1, payload),
    take() {
      const messages: Uint8Array[] = []
      while (guest.takeMessage(SIMP, 2, slot)) messages.push(slot.slice(16, 16 + (slot[4] ?? 0)))
      return messages
    },
  }
}

const contactV5 = (version: number, fields: Record<string, number> = {}): Uint8Array =>
  encode(layouts.initiateContactV5, MessageId.initiateContact, { version, sint: 2, parentToChildMonitor: P2C, childToParentMonitor: C2P, ...fields })
const contactOld = (version: number, fields: Record<string, number> = {}): Uint8Array =>
  encode(layouts.initiateContact, MessageId.initiateContact, { version, interruptPage: INTERRUPT_PAGE, parentToChildMonitor: P2C, childToParentMonitor: C2P, ...fields })

const NIC = 'f8615163-df3e-46c5-913f-f2d2f965ed0e'
const INSTANCE = '00000000-0000-0000-0000-000000000001'

interface Log {
  calls: string[]
  channel?: Channel
}
const device = (log: Log, instanceId = INSTANCE, interfaceId = NIC): HostDeviceSpec => ({
  kind: 'probe',
  offer: { interfaceId, instanceId },
  create: () => ({
    open(channel) {
      log.calls.push(`open ${channel.subchannelIndex}`)
      log.channel = channel
      return 0
    },
    readable: () => void log.calls.push('readable'),
    close: (channel) => void log.calls.push(`close ${channel.subchannelIndex}`),
    gpadlGone: (_channel, id) => void log.calls.push(`gone ${id}`),
    save: () => null,
    restore: () => {},
    inspect: () => ({}),
  }),
})

const types = (messages: readonly Uint8Array[]): number[] => messages.map((message) => message[0] ?? 0)
const gpadlHeader = (relid: number, gpadl: number, pfns: readonly number[]): Uint8Array => {
  const ranges = new Uint8Array(8 + pfns.length * 8)
  const view = new DataView(ranges.buffer)
  view.setUint32(0, pfns.length * 4096, true)
  pfns.forEach((pfn, index) => view.setUint32(8 + index * 8, pfn, true))
  return encode(layouts.gpadlHeader, MessageId.gpadlHeader, { relid, gpadl, rangeBytes: ranges.length, rangeCount: 1, ranges })
}

describe('a guest that speaks 5.3', () => {
  test('connects, is offered a device, opens it, closes it and unloads', () => {
    const { bus, post, take } = rig()
    const log: Log = { calls: [] }
    bus.offer(device(log))
    expect(post(4, contactV5(Version.v5_3))).toBe(0)
    const [response] = take()
    expect(layouts.versionResponse.parse(response ?? new Uint8Array())).toMatchObject({ msgtype: 15, supported: 1, connectionState: 0, selected: 4 })
    expect(response).toHaveLength(16)

    expect(post(4, encode(layouts.bare, MessageId.requestOffers, {}))).toBe(0)
    const [offer, all] = take()
    expect(layouts.offerChannel.parse(offer ?? new Uint8Array())).toMatchObject({ interfaceId: NIC, instanceId: INSTANCE, relid: 1, monitorId: 0xff, connectionId: 0x2001 })
    expect(all?.[0]).toBe(MessageId.allOffersDelivered)

    post(4, gpadlHeader(1, 0xe1e10, [RING, RING + 1, RING + 2, RING + 3]))
    expect(types(take())).toEqual([MessageId.gpadlCreated])
    post(4, encode(layouts.openChannel, MessageId.openChannel, { relid: 1, openId: 7, ringGpadl: 0xe1e10, downstreamOffset: 2 }))
    const [opened] = take()
    expect(layouts.openChannelResult.parse(opened ?? new Uint8Array())).toMatchObject({ relid: 1, openId: 7, status: 0 })
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
  const { post } = rig({ versions: [Version.v4_0, Version.v3_0] })
  expect(post(4, contactV5(Version.v5_0))).toBe(0x12)
  expect(post(1, contactOld(Version.v4_0))).toBe(0)
})

test('features are those of both', () => {
  const { bus, post, take } = rig({ versions: [Version.v6_0] })
  post(4, contactV5(Version.v6_0, { features: 0xff }))
  const [response] = take()
  expect(response).toHaveLength(20)
  expect(bus.features).toBe(Feature.guestSpecifiedSignalParameters | Feature.modifyConnection | Feature.pauseResume)
})
