import { HV_STATUS } from '@vmbus/hypervisor'
import { expect, test } from 'vitest'
import { Feature, MessageId, Version, encode, layouts } from '../src/index.ts'
import {
  RING,
  bare,
  contactV5,
  device,
  gpadlHeader,
  instance,
  fixture,
  types,
  type Log,
  type Fixture,
} from './host-fixture.ts'

/** A guest of 6.0 that may choose how it is signalled, with two devices; its rings are granted. */
function copper(log: Log): Fixture {
  const made = fixture({ versions: [Version.v6_0] })
  for (const n of [1, 2]) made.bus.offer(device(log, instance(n)))
  made.post(4, contactV5(Version.v6_0, { features: Feature.guestSpecifiedSignalParameters }))
  made.post(4, bare(MessageId.requestOffers))
  for (const relid of [1, 2])
    made.post(
      4,
      gpadlHeader(
        relid,
        10,
        [0, 1, 2, 3].map((page) => RING + 4 * relid + page),
      ),
    )
  made.take()
  return made
}
const open = ({ post, take }: Fixture, relid: number, connectionId: number, eventFlag: number): number | undefined => {
  const rings = { relid, ringGpadl: 10, downstreamOffset: 2 }
  post(4, encode(layouts.openChannelV6, MessageId.openChannel, { ...rings, connectionId, eventFlag }))
  return take().map((message) => layouts.openChannelResult.parse(message).status)[0]
}
const close = ({ post }: Fixture, relid: number): void =>
  void post(4, encode(layouts.closeChannel, MessageId.closeChannel, { relid }))

test('a guest is signalled with the flag, and signals by the connection, that it chose for as long as the channel is open', () => {
  const log: Log = { calls: [] }
  const made = copper(log)
  const { guest, flags } = made
  expect(open(made, 1, 0x3001, 77)).toBe(0)
  log.channel?.sendInBand(new Uint8Array(8), 1, 0, false)
  expect(flags()).toEqual([77])
  expect([guest.signalEvent(0x3001), guest.signalEvent(0x2001)]).toEqual([
    HV_STATUS.success,
    HV_STATUS.invalidConnectionId,
  ])
  close(made, 1)
  expect(guest.signalEvent(0x3001)).toBe(HV_STATUS.invalidConnectionId)
  // Free for another channel, and for this one again.
  expect([open(made, 2, 0x3001, 5), open(made, 1, 0x3002, 5)]).toEqual([0, 0])
  close(made, 2)
  expect([guest.signalEvent(0x3001), guest.signalEvent(0x3002)]).toEqual([
    HV_STATUS.invalidConnectionId,
    HV_STATUS.success,
  ])
})

test("closing a channel leaves the connection alone that another chose, though it is the closed one's of the offer", () => {
  const log: Log = { calls: [] }
  const made = copper(log)
  expect([open(made, 1, 0x3001, 1), open(made, 2, 0x2001, 2)]).toEqual([0, 0])
  close(made, 1)
  expect(made.guest.signalEvent(0x2001)).toBe(HV_STATUS.success)
})

test.each([
  ['a connection that is taken', 0x3001, 9],
  ["a connection of the bus's own", 4, 9],
  ['a connection of more than 24 bits', 0x100_0000, 9],
  ['flag 0', 0x3002, 0],
  ['a flag that no SINT has', 0x3002, 2048],
])('%s is refused, and the channel can be opened otherwise', (_what, connectionId, eventFlag) => {
  const log: Log = { calls: [] }
  const made = copper(log)
  expect(open(made, 1, 0x3001, 9)).toBe(0)
  expect(open(made, 2, connectionId, eventFlag)).toBe(0x8000_ffff)
  expect(made.branches()).toEqual(['open-signals'])
  // The highest flag and connection there are.
  expect(open(made, 2, 0xff_ffff, 2047)).toBe(0)
})

test('without the feature, or in the short form, the offer says how to signal', () => {
  const log: Log = { calls: [] }
  const made = fixture({ versions: [Version.v6_0] })
  made.bus.offer(device(log))
  made.post(4, contactV5(Version.v6_0))
  made.post(4, bare(MessageId.requestOffers))
  made.post(4, gpadlHeader(1, 10, [RING, RING + 1, RING + 2, RING + 3]))
  made.take()
  expect(open(made, 1, 0x3001, 77)).toBe(0)
  log.channel?.sendInBand(new Uint8Array(8), 1, 0, false)
  expect(made.flags()).toEqual([1])
  expect([made.guest.signalEvent(0x2001), made.guest.signalEvent(0x3001)]).toEqual([
    HV_STATUS.success,
    HV_STATUS.invalidConnectionId,
  ])

  const second = copper({ calls: [] })
  second.post(4, encode(layouts.openChannel, MessageId.openChannel, { relid: 1, ringGpadl: 10, downstreamOffset: 2 }))
  expect(types(second.take())).toEqual([MessageId.openChannelResult])
  expect(second.guest.signalEvent(0x2001)).toBe(HV_STATUS.success)
})
