import { guestMemory } from '@vmbus/hypervisor'
import { describe, expect, test } from 'vitest'
import { createChannel } from '../src/index.ts'
import { OFFER, channelPair, hex } from './channel-pair.ts'
import { PAGE, sameBytes } from './ring-spec.ts'

const options = (
  pair: ReturnType<typeof channelPair>,
): Omit<Parameters<typeof createChannel>[0], 'role' | 'signal'> => ({
  memory: pair.memory,
  offer: OFFER,
  pfns: pair.pfns,
  downstreamOffset: 3,
  targetVp: 0,
  userData: new Uint8Array(120),
  gpadl: () => undefined,
})

test('data that the guest queues before the host has opened the channel is there when it has', () => {
  const pair = channelPair()
  pair.guest.sendInBand(hex('01'), 7, 0, false)
  const late = createChannel({ ...options(pair), role: 'host', signal: () => {} })
  expect(late.receive()?.transactionLow).toBe(7)
})

test('a host that takes over rings in use goes on where their indices are', () => {
  const pair = channelPair()
  for (let i = 0; i < 20; i++) {
    pair.guest.sendInBand(new Uint8Array(900), i, 0, false)
    pair.host.sendInBand(new Uint8Array(900), i, 0, false)
    if (i < 19) expect([pair.host.receive()?.transactionLow, pair.guest.receive()?.transactionLow]).toEqual([i, i])
  }
  const next = createChannel({ ...options(pair), role: 'host', signal: () => {} })
  expect(next.receive()?.transactionLow).toBe(19)
  expect(next.sendInBand(hex('02'), 20, 0, false)).toBe(true)
  expect([pair.guest.receive()?.transactionLow, pair.guest.receive()?.transactionLow]).toEqual([19, 20])
})

test.each([
  ['a write index beyond the ring', PAGE, 8192],
  ['a write index that is no multiple of 8', PAGE, 12],
  ['a read index beyond the ring', 4 * PAGE + 4, 0xfffffff8],
])('%s fails the channel before it is used', (_, gpa, value) => {
  const pair = channelPair()
  pair.memory.view.setUint32(gpa, value, true)
  const end = createChannel({ ...options(pair), role: 'host', signal: () => {} })
  expect(end.isOpen).toBe(false)
  expect(end.failure).toBe('VMBUS_RING_CORRUPT')
})

test('pages that cannot be rings are the fault of who opens', () => {
  const pair = channelPair()
  for (const pfns of [
    [],
    [1, 2],
    [1, 2, 3, 4],
    [1, 2, 3, 4, 5, 32],
    [1, 2, 3, 4, 5, -1],
    [1, 2, 3, 4, 5, 0.5],
    Array.from({ length: 0x4_0004 }, () => 1),
  ]) {
    expect(() => createChannel({ ...options(pair), pfns, role: 'host', signal: () => {} })).toThrow(
      'VMBUS_RING_INVALID',
    )
  }
})

test('after close nothing is written, whatever is called', () => {
  const { memory, guest, host, signals } = channelPair()
  guest.sendInBand(hex('01'), 0, 0, false)
  host.cork()
  host.sendInBand(hex('02'), 0, 0, false)
  for (const end of [guest, host]) end.close()
  const before = memory.bytes.slice()
  const sent = { ...signals }
  for (const end of [guest, host]) {
    expect(end.receive()).toBeUndefined()
    expect(end.sendInBand(hex('03'), 0, 0, false)).toBe(false)
    end.uncork()
    end.wantWritable(100)
    end.mask(true)
    end.mask(false)
    expect(end.interrupted()).toBe(0)
    expect(end.readable).toBe(false)
  }
  sameBytes('memory', memory.bytes, before)
  expect(signals).toEqual(sent)
})

test('empty and broken are told apart', () => {
  const { memory, guest, host } = channelPair()
  expect([host.receive(), host.isOpen, host.failure]).toEqual([undefined, true, undefined])
  guest.sendInBand(hex('01'), 0, 0, false)
  memory.view.setUint16(2 * PAGE + 4, 0, true)
  expect([host.receive(), host.isOpen, host.failure]).toEqual([undefined, false, 'VMBUS_RING_CORRUPT'])
})

describe('a wait for room', () => {
  test('survives save and restore', () => {
    const pair = channelPair()
    while (pair.guest.sendInBand(new Uint8Array(1000), 0, 0, false));
    pair.guest.wantWritable(2048)
    const saved = structuredClone(pair.guest.save())
    while (pair.host.receive() !== undefined);
    const guest = createChannel({ ...options(pair), role: 'guest', signal: () => {}, saved })
    expect(guest.takeWritable()).toBe(true)
    expect(guest.takeWritable()).toBe(false)
    expect(pair.memory.view.getUint32(PAGE + 12, true)).toBe(0)
  })

  test('is a size that stays where the driver has it so: hvsock', () => {
    const pair = channelPair({ guest: { permanentPending: 4120 } })
    expect(pair.memory.view.getUint32(PAGE + 12, true)).toBe(4120)
    while (pair.guest.sendInBand(new Uint8Array(1000), 0, 0, false));
    pair.guest.wantWritable(1024)
    while (pair.host.receive() !== undefined);
    expect(pair.signals.host).toBe(1)
    expect(pair.guest.takeWritable()).toBe(true)
    expect(pair.memory.view.getUint32(PAGE + 12, true)).toBe(4120)
  })

  test('for more than the ring will ever have fails the channel', () => {
    const { guest } = channelPair()
    guest.wantWritable(8192)
    expect(guest.failure).toBe('VMBUS_PACKET_TOO_LARGE')
  })
})

test('corked packets stay so over save and restore', () => {
  const pair = channelPair()
  pair.guest.cork()
  pair.guest.sendInBand(hex('01'), 1, 0, false)
  const guest = createChannel({
    ...options(pair),
    role: 'guest',
    signal: () => pair.signals.guest++,
    saved: structuredClone(pair.guest.save()),
  })
  guest.sendInBand(hex('02'), 2, 0, false)
  expect(pair.host.readable).toBe(false)
  guest.uncork()
  expect(pair.signals.guest).toBe(1)
  expect([pair.host.receive()?.transactionLow, pair.host.receive()?.transactionLow]).toEqual([1, 2])
})

test('a state of another format, or of a larger ring, is refused', () => {
  const pair = channelPair()
  for (const saved of [
    null,
    {},
    { format: 'vmbus-channel/0' },
    { ...(pair.guest.save() as object), out: { write: 8192, published: 0 } },
    { ...(pair.guest.save() as object), in: { read: 4, published: 0 } },
  ]) {
    expect(() => createChannel({ ...options(pair), role: 'guest', signal: () => {}, saved })).toThrow(
      'VMBUS_STATE_INVALID',
    )
  }
})

test('the machine hears of every byte of a packet that its host writes, in pieces where the ring has them', () => {
  const told: [number, number][] = []
  const memory = guestMemory({ size: 32 * PAGE, wrote: (gpa, length) => void told.push([gpa, length]) })
  const { guest, host } = channelPair({ memory, toGuest: [4, 9, 5] })
  told.length = 0
  host.sendInBand(new Uint8Array(4000), 0, 0, false)
  guest.receive()
  // 4024 bytes of the first page are taken: 72 are left of it.
  host.sendInBand(new Uint8Array(100), 0, 0, false)
  expect(told).toEqual([
    [9 * PAGE, 4024],
    [9 * PAGE + 4024, 72],
    [5 * PAGE, 56],
  ])
})

test('a packet is as long as its length field can say', () => {
  const toHost = Array.from({ length: 150 }, (_, i) => i + 1)
  const memory = guestMemory(200 * PAGE)
  const { guest, host } = channelPair({ memory, toHost, toGuest: [160, 161] })
  expect(guest.sendInBand(new Uint8Array(524_280 - 16), 0, 0, false)).toBe(true)
  expect(host.receive()?.payloadLength).toBe(524_264)
  // At the front of the ring, where it would fit in one piece, and further on.
  for (const end of [channelPair({ memory, toHost, toGuest: [160, 161] }).guest, guest]) {
    expect(end.sendInBand(new Uint8Array(524_280 - 15), 0, 0, false)).toBe(false)
    expect(end.failure).toBe('VMBUS_PACKET_TOO_LARGE')
  }
})
