import { expect, test } from 'vitest'
import { Feature, MessageId, Version, encode, layouts } from '../src/index.ts'
import { accept, loneGuest, type LoneGuest } from './lone-guest.ts'
import { instance, pair, probeDriver, type PairOptions } from './pair.ts'

const FEATURES = Feature.pauseResume | Feature.modifyConnection
const COPPER: PairOptions = {
  hostVersions: [Version.v6_0],
  guestVersions: [Version.v6_0],
  behaviour: { features: FEATURES },
}

const hexOf = (payload: Uint8Array): string => Buffer.from(payload).toString('hex')

/** A guest of 6.0 that asked for `features`, before a host that has 0x24. */
function alone(features = FEATURES): LoneGuest {
  const lone = loneGuest({ behaviour: { features } })
  accept(lone, Version.v6_0, FEATURES)
  return lone
}

test('PAUSE, PAUSE_RESPONSE and RESUME are 8 bytes each, in turn', () => {
  const { guest, posted, events, branches, answer } = alone()
  answer('1c000000 00000000')
  expect(branches).toEqual(['paused-unexpected'])
  expect(() => guest.resumeMessages()).toThrow('VMBUS_CHANNEL_STATE')
  guest.pauseMessages()
  expect(() => guest.pauseMessages()).toThrow('VMBUS_CHANNEL_STATE')
  expect(() => guest.resumeMessages()).toThrow('VMBUS_CHANNEL_STATE')
  answer('1c000000 00000000')
  expect(events.at(-1)).toEqual({ kind: 'messages-paused' })
  guest.resumeMessages()
  expect(posted).toEqual(['1b00000000000000', '1d00000000000000'])
})

test('MODIFY_CONNECTION names two new pages, and what the host answers decides which are freed', () => {
  const { guest, pages, posted, events, branches, answer } = alone()
  const before = pages.available
  // 9 bytes: the id, and connection_state 2, "failed".
  answer('1a000000 00000000 02')
  expect(branches).toEqual(['connection-unexpected'])
  for (const status of [2, 0]) {
    guest.moveMonitorPages()
    expect(() => guest.moveMonitorPages()).toThrow('VMBUS_CHANNEL_STATE')
    expect(pages.available).toBe(before - 2)
    answer(`1a000000 00000000 0${status}`)
    expect([events.at(-1), pages.available]).toEqual([{ kind: 'monitor-pages', status }, before])
  }
  for (const message of posted) expect(message).toMatch(/^1900000000000000[0-9a-f]{32}$/)
  // An UNLOAD ends a request that is under way.
  guest.moveMonitorPages()
  guest.unload()
  answer('11000000 00000000')
  // All but the hypercall page, which stays, came back: the bus had taken seven.
  expect([guest.phase, pages.available]).toEqual(['off', before + 6])
})

test('without the feature neither is said', () => {
  const { guest, posted } = alone(0)
  expect(() => guest.pauseMessages()).toThrow('VMBUS_CHANNEL_STATE')
  expect(() => guest.moveMonitorPages()).toThrow('VMBUS_CHANNEL_STATE')
  expect(posted).toEqual([])
})

test('a guest that paused its messages hears nothing until it asks for more, saved and restored in between', () => {
  const world = pair(COPPER)
  world.guest.start()
  world.settle()
  const heard: string[] = []
  world.guest.on(({ kind }) => heard.push(kind))
  world.guest.pauseMessages()
  world.settle()
  world.host.offer(world.device({ instanceId: instance(1) }))
  world.settle()
  world.restore(world.save())
  world.settle()
  expect([heard, world.guest.devices]).toEqual([['messages-paused'], []])
  world.guest.resumeMessages()
  world.settle()
  expect(world.guest.devices.map(({ instanceId }) => instanceId)).toEqual([instance(1)])
  expect(probeDriver(world).ping()).toBe(true)
  world.settle()
  expect([world.counts.pongs, world.counts.violations, world.diagnostics]).toEqual([1, [], []])
  // UNLOAD gets through to a host that has paused, and is answered.
  world.guest.pauseMessages()
  world.settle()
  world.guest.unload()
  world.settle()
  expect([world.guest.phase, world.host.version]).toEqual(['off', 0])
})

test('a monitored channel goes on over moved pages, and no signal is lost on the way', () => {
  const world = pair(COPPER)
  const run = (steps: number): void => {
    for (let step = 0; step < steps; step++) world.step()
  }
  world.host.offer(world.device({ instanceId: instance(1), monitorLatency: 500 }))
  world.guest.start()
  run(30)
  const before = world.available
  let pings = 0
  for (let round = 0; round < 6; round++) {
    world.guest.moveMonitorPages()
    // Before the host's answer is heard, and after 0 … 5 more events.
    run(round)
    if (probeDriver(world).ping()) pings++
    run(40)
    expect([world.counts.pongs, world.available]).toEqual([pings, before])
  }
  expect(pings).toBe(6)
  expect([world.counts.violations, world.diagnostics]).toEqual([[], []])
})

test('a suspend releases the subchannels that its host left alone, each under its own relid, and no primary', () => {
  const { guest, posted, answer } = alone()
  const offer = (relid: number, subchannelIndex: number): void =>
    answer(
      hexOf(
        encode(layouts.offerChannel, MessageId.offerChannel, {
          interfaceId: '11111111-2222-3333-4444-555555555555',
          instanceId: instance(relid % 10),
          relid,
          subchannelIndex,
          monitorId: 0xff,
          connectionId: 0x2000 + relid,
        }),
      ),
    )
  for (const [relid, index] of [
    [5, 0],
    [6, 0],
    [15, 1],
    [25, 2],
    [16, 1],
  ] as const)
    offer(relid, index)
  answer('04000000 00000000')
  posted.length = 0
  guest.suspend()
  // RELID_RELEASED of 25, of 15 and of 16 (wire/02 §2: the relid at byte 8), then UNLOAD.
  expect(posted).toEqual([
    '0d0000000000000019000000',
    '0d000000000000000f000000',
    '0d0000000000000010000000',
    '1000000000000000',
  ])
  answer('11000000 00000000')
  expect(guest.phase).toBe('suspended')
  expect(guest.devices.map(({ channels }) => channels.map(({ offer: { relid } }) => relid))).toEqual([[5], [6]])
})
