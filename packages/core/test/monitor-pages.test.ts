import { describe, expect, test } from 'vitest'
import { triggerMonitor } from '@vmbus/hypervisor'
import { MessageId, Version, encode, layouts, type HostBusOptions } from '../src/index.ts'
import {
  C2P,
  P2C,
  RING,
  bare,
  contactOld,
  contactV5,
  device,
  gpadlHeader,
  fixture,
  type Log,
  type Fixture,
} from './host-fixture.ts'

const SERVER = { parentToChild: 0, childToParent: 0xa000 }
const NEXT = { parentToChildMonitor: 0xb000, childToParentMonitor: 0xc000 }

const modify = ({ post, take }: Fixture, parentToChildMonitor: number, childToParentMonitor: number): number[] => {
  post(4, encode(layouts.modifyConnection, MessageId.modifyConnection, { parentToChildMonitor, childToParentMonitor }))
  return take().map((message) => layouts.modifyConnectionResponse.parse(message).connectionState)
}
const pages = ({ bus }: Fixture): unknown => bus.inspect()['connection']

/** A guest of 6.0 that asked for `features`. */
function copper(features: number, options: Partial<HostBusOptions> = {}): Fixture {
  const made = fixture({ versions: [Version.v6_0], ...options })
  made.post(4, contactV5(Version.v6_0, { features }))
  made.take()
  return made
}

describe('half a pair of monitor pages', () => {
  const halves = [
    ['without the one to the guest', { parentToChildMonitor: 0 }],
    ['without the one to the host', { childToParentMonitor: 0 }],
  ] as const

  test.each(halves)('%s is a failure, which versions below 2.4 cannot name', (_which, half) => {
    for (const [version, answer] of [
      [Version.v3_0, [1, 2]],
      [Version.v2_4, [1, 2]],
      [Version.v1_1, [0, 0]],
    ] as const) {
      const made = fixture()
      made.post(1, contactOld(version, half))
      expect([...(made.take()[0]?.subarray(8, 10) ?? [])]).toEqual(answer)
      expect([made.bus.version, made.branches()]).toEqual([0, ['contact-monitor']])
    }
  })

  test.each(halves)('%s is one also where the host gives its own; the answer names none', (_which, half) => {
    const made = fixture({ versions: [Version.v6_0], serverMonitorPages: SERVER })
    made.post(4, contactV5(Version.v6_0, { features: 0x40, ...half }))
    const [response] = made.take()
    expect(response).toHaveLength(20)
    expect(layouts.versionResponseV6.parse(response ?? new Uint8Array())).toMatchObject({
      supported: 1,
      connectionState: 2,
      features: 0x40,
    })
    expect(made.bus.version).toBe(0)
  })

  test.each(halves)('%s moves nothing', (_which, half) => {
    const made = copper(4)
    const { parentToChildMonitor, childToParentMonitor } = { ...NEXT, ...half }
    expect(modify(made, parentToChildMonitor, childToParentMonitor)).toEqual([2])
    expect(pages(made)).toMatchObject({ parentToChildMonitor: P2C, childToParentMonitor: C2P })
    expect(made.branches()).toEqual(['connection-monitor'])
  })
})

test("the host's own pages are not the guest's to move, nor to take away", () => {
  const made = copper(0x44, { serverMonitorPages: SERVER })
  expect(modify(made, NEXT.parentToChildMonitor, NEXT.childToParentMonitor)).toEqual([2])
  expect(modify(made, 0, 0)).toEqual([2])
  expect(pages(made)).toMatchObject({ parentToChildMonitor: 0, childToParentMonitor: SERVER.childToParent })
})

test('a guest that did not ask for the pages of the host moves its own', () => {
  const made = copper(4, { serverMonitorPages: SERVER })
  expect(modify(made, NEXT.parentToChildMonitor, NEXT.childToParentMonitor)).toEqual([0])
  expect(pages(made)).toMatchObject(NEXT)
})

describe('a monitored channel', () => {
  /** A packet of 16 bytes waits in the guest's ring, and its trigger is set in `page`. */
  function send({ memory }: Fixture, page: number, count: number): void {
    const data = (RING + 1) * 4096 + (count - 1) * 24
    memory.view.setUint32(data, 6 | (2 << 16), true)
    memory.view.setUint32(data + 4, 2, true)
    memory.view.setUint32(RING * 4096, count * 24, true)
    triggerMonitor(memory, page, 0)
  }
  function monitored(log: Log): Fixture {
    const made = fixture({ versions: [Version.v6_0] })
    const spec = device(log, undefined, undefined, 1000)
    made.bus.offer({
      ...spec,
      create: (deps, settings) => ({
        ...spec.create(deps, settings),
        readable: (channel) => void log.calls.push(`got ${channel.receive() === undefined ? 'nothing' : 'a packet'}`),
      }),
    })
    made.post(4, contactV5(Version.v6_0, { features: 4 }))
    made.post(4, bare(MessageId.requestOffers))
    made.post(4, gpadlHeader(1, 10, [RING, RING + 1, RING + 2, RING + 3]))
    made.post(4, encode(layouts.openChannel, MessageId.openChannel, { relid: 1, ringGpadl: 10, downstreamOffset: 2 }))
    made.take()
    log.calls.length = 0
    return made
  }

  test('is heard through the page that the guest moved to, and what it said through the old one is not lost', () => {
    const log: Log = { calls: [] }
    const made = monitored(log)
    send(made, C2P, 1)
    expect(modify(made, NEXT.parentToChildMonitor, NEXT.childToParentMonitor)).toEqual([0])
    expect(log.calls).toEqual(['got a packet'])
    send(made, NEXT.childToParentMonitor, 2)
    made.advance(1000)
    expect(log.calls).toEqual(['got a packet', 'got a packet'])
  })

  test('is heard again when the guest gives pages after it took them away', () => {
    const log: Log = { calls: [] }
    const made = monitored(log)
    expect(modify(made, 0, 0)).toEqual([0])
    made.advance(100_000)
    expect(made.timers.next()).toBe(Infinity)
    expect(modify(made, P2C, C2P)).toEqual([0])
    send(made, C2P, 1)
    made.advance(1000)
    expect(log.calls).toEqual(['got a packet'])
  })
})
