import { describe, expect, test } from 'vitest'
import { Due, PacketType, type Packet } from '../src/index.ts'
import { channelPair, hex } from './channel-pair.ts'

const bytesOf = (packet: Packet | undefined): Uint8Array | undefined =>
  packet?.bytes.slice(0, packet.payloadOffset + packet.payloadLength)

/** Each way to send, and the bytes that wire/03 §3 asks for, typed by hand; the packet is the ring's first. */
const vectors = [
  {
    name: 'in-band, completion wanted, payload of 5 bytes padded to 8',
    send: (from: ReturnType<typeof channelPair>['guest']) =>
      from.sendInBand(hex('0102030405'), 0x11223344, 0x55667788, true),
    wire: '0600 0200 0300 0100  44332211 88776655  0102030405000000',
    payloadOffset: 16,
  },
  {
    name: 'in-band without payload',
    send: (from: ReturnType<typeof channelPair>['guest']) => from.sendInBand(hex(''), 0, 0, false),
    wire: '0600 0200 0200 0000  00000000 00000000',
    payloadOffset: 16,
  },
  {
    name: 'completion: the same id, flags 0',
    send: (from: ReturnType<typeof channelPair>['guest']) =>
      from.sendCompletion(hex('aabbccdd11223344'), 0xfffffffe, 0xffffffff),
    wire: '0b00 0200 0300 0000  feffffff ffffffff  aabbccdd11223344',
    payloadOffset: 16,
  },
  {
    name: 'GPA-direct with a range of three pages and a range of one',
    send: (from: ReturnType<typeof channelPair>['guest']) =>
      from.sendGpaDirect(
        [
          { byteCount: 0x1808, byteOffset: 0xff8, pfns: [0x12345, 7, 0x1_0000_0002] },
          { byteCount: 16, byteOffset: 0, pfns: [9] },
        ],
        hex('ee'),
        1,
        0,
      ),
    wire: `0900 0900 0a00 0100  01000000 00000000  00000000 02000000
           08180000 f80f0000  4523010000000000 0700000000000000 0200000001000000
           10000000 00000000  0900000000000000  ee00000000000000`,
    payloadOffset: 72,
  },
  {
    name: 'transfer pages',
    send: (from: ReturnType<typeof channelPair>['guest']) =>
      from.sendTransferPages(
        0xcafe,
        [
          { byteCount: 0x5ea, byteOffset: 0 },
          { byteCount: 60, byteOffset: 0x6a4 },
        ],
        hex('6b000000'),
        2,
        0,
      ),
    wire: `0700 0500 0600 0100  02000000 00000000  feca 00 00 02000000
           ea050000 00000000  3c000000 a4060000  6b00000000000000`,
    payloadOffset: 40,
  },
] as const

describe.each(vectors)('$name', ({ send, wire, payloadOffset }) => {
  test('is written as the wire has it, with its trailer, and the indices move', () => {
    const { memory, guest, signals } = channelPair()
    expect(send(guest)).toBe(true)
    const expected = hex(wire)
    expect(memory.bytes.slice(2 * 4096, 2 * 4096 + expected.length)).toEqual(expected)
    expect(memory.bytes.slice(2 * 4096 + expected.length, 2 * 4096 + expected.length + 8)).toEqual(
      hex('00000000 00000000'),
    )
    expect(memory.view.getUint32(4096, true)).toBe(expected.length + 8)
    expect(signals).toEqual({ guest: 1, host: 0 })
  })

  test('is received as it was written', () => {
    const { memory, host, guest } = channelPair()
    send(guest)
    const packet = host.receive()
    expect(bytesOf(packet)).toEqual(hex(wire))
    expect(packet?.payloadOffset).toBe(payloadOffset)
    expect(memory.view.getUint32(4096 + 4, true)).toBe(hex(wire).length + 8)
    expect(host.receive()).toBeUndefined()
  })

  test('names in its trailer where it starts', () => {
    const { memory, guest, host } = channelPair()
    guest.sendInBand(new Uint8Array(16), 0, 0, false)
    host.receive()
    send(guest)
    const end = 2 * 4096 + 40 + hex(wire).length
    expect(memory.bytes.slice(end, end + 8)).toEqual(hex('00000000 28000000'))
  })
})

test('what the types carry is parsed', () => {
  const { guest, host } = channelPair()
  guest.sendGpaDirect([{ byteCount: 0x1808, byteOffset: 0xff8, pfns: [0x12345, 7, 0x1_0000_0002] }], hex('ee'), 1, 0)
  guest.sendTransferPages(0xcafe, [{ byteCount: 60, byteOffset: 0x6a4 }], hex(''), 0xffffffff, 0x80000000)
  guest.sendInBand(hex('01'), 0, 0, true)
  const packet = host.receive()
  expect(packet).toMatchObject({
    type: PacketType.gpaDirect,
    flags: 1,
    gpaRanges: [{ byteCount: 0x1808, byteOffset: 0xff8, pfns: [0x12345, 7, 0x1_0000_0002] }],
  })
  expect(host.receive()).toBe(packet)
  expect(packet).toMatchObject({
    type: PacketType.transferPages,
    transactionLow: 0xffffffff,
    transactionHigh: 0x80000000,
    gpaRanges: [],
    transferSetId: 0xcafe,
    transferRanges: [{ byteCount: 60, byteOffset: 0x6a4 }],
  })
  host.receive()
  expect(packet).toMatchObject({ type: PacketType.inBand, flags: 1, transferSetId: 0, transferRanges: [] })
})

test('the guest clears the control pages and sets the feature bit in both rings, as Linux does; the host in its own', () => {
  const { memory } = channelPair()
  expect(memory.view.getUint32(4096 + 64, true)).toBe(1)
  expect(memory.view.getUint32(4 * 4096 + 64, true)).toBe(1)
  const bsd = channelPair({ guest: { featureBits: 'out' }, host: { featureBits: 'none' } })
  expect(bsd.memory.view.getUint32(4096 + 64, true)).toBe(1)
  expect(bsd.memory.view.getUint32(4 * 4096 + 64, true)).toBe(0)
})

test('corked packets become visible at once, with one signal', () => {
  const { memory, guest, host, signals } = channelPair()
  guest.cork()
  for (let i = 0; i < 3; i++) expect(guest.sendInBand(new Uint8Array(8), i, 0, false)).toBe(true)
  expect(memory.view.getUint32(4096, true)).toBe(0)
  expect(host.readable).toBe(false)
  guest.uncork()
  expect(memory.view.getUint32(4096, true)).toBe(3 * 32)
  expect(signals.guest).toBe(1)
  expect([host.receive()?.transactionLow, host.receive()?.transactionLow, host.receive()?.transactionLow]).toEqual([
    0, 1, 2,
  ])
})

test('a full ring takes nothing, and whoever waits is signalled once, when there is room', () => {
  const { guest, host, signals } = channelPair()
  const payload = new Uint8Array(1000)
  let sent = 0
  while (guest.sendInBand(payload, sent, 0, false)) sent++
  // 8 packets of 16 + 1000 + 8 bytes are 8192, which would fill the ring and make it look empty.
  expect(sent).toBe(7)
  expect(guest.writableBytes).toBe(8192 - 7 * 1024 - 8)
  guest.wantWritable(3 * 1024)
  expect(guest.interrupted()).toBe(0)
  expect(signals.host).toBe(0)
  host.receive()
  host.receive()
  expect(signals.host).toBe(0)
  host.receive()
  expect(signals.host).toBe(1)
  host.receive()
  expect(signals.host).toBe(1)
  expect(guest.interrupted()).toBe(Due.writable)
  expect(guest.interrupted()).toBe(0)
  expect(guest.writableBytes).toBe(8192 - 3 * 1024 - 8)
})

test('a peer without the feature bit never signals room, which the waiting end knows', () => {
  const { memory, guest, host, signals } = channelPair({ guest: { featureBits: 'none' } })
  memory.view.setUint32(4 * 4096 + 64, 0, true)
  while (guest.sendInBand(new Uint8Array(1000), 0, 0, false));
  guest.wantWritable(1024)
  expect(guest.mustPoll).toBe(true)
  while (host.receive());
  expect(signals.host).toBe(0)
  expect(guest.takeWritable()).toBe(true)
  expect(guest.mustPoll).toBe(false)
})

test('room that is there already is due without a signal', () => {
  const { guest, due } = channelPair()
  guest.wantWritable(1024)
  expect(due.guest).toBe(1)
  expect(guest.interrupted()).toBe(Due.writable)
})

test('unmasking looks again', () => {
  const { memory, guest, host, signals, due } = channelPair()
  host.mask(true)
  expect(memory.view.getUint32(4096 + 8, true)).toBe(1)
  guest.sendInBand(new Uint8Array(8), 0, 0, false)
  expect(signals.guest).toBe(0)
  host.mask(false)
  expect(due.host).toBe(1)
  expect(host.interrupted()).toBe(Due.readable)
})

test('a packet that never fits fails the channel instead of being tried for ever', () => {
  const { guest, diagnostics } = channelPair()
  // 8192 - 8 is the longest with its trailer.
  expect(guest.sendInBand(new Uint8Array(8192 - 8 - 24), 0, 0, false)).toBe(true)
  expect(guest.isOpen).toBe(true)
  expect(guest.sendInBand(new Uint8Array(8192 - 8 - 23), 0, 0, false)).toBe(false)
  expect(guest.isOpen).toBe(false)
  expect(guest.failure).toBe('VMBUS_PACKET_TOO_LARGE')
  expect(diagnostics.map(({ code }) => code)).toEqual(['VMBUS_PACKET_TOO_LARGE'])
})

describe('a packet longer than the limit', () => {
  const long = (options: Parameters<typeof channelPair>[0]): ReturnType<typeof channelPair> => {
    const pair = channelPair(options)
    pair.host.sendInBand(new Uint8Array(100).fill(7), 1, 0, false)
    pair.host.sendInBand(new Uint8Array(8), 2, 0, false)
    return pair
  }

  test('fails the channel', () => {
    const { guest } = long({ guest: { maxPacket: 80 } })
    expect(guest.receive()).toBeUndefined()
    expect(guest.failure).toBe('VMBUS_PACKET_TOO_LONG')
  })

  test('is cut by a guest with the defect of Linux, which loses the stream', () => {
    const { guest } = long({ guest: { maxPacket: 80, oversize: 'truncate', unknown: 'ignore' } })
    expect(guest.receive()).toMatchObject({ transactionLow: 1, payloadLength: 64 })
    // 88 bytes on are zeros and the old trailer: no packet begins there.
    expect(guest.receive()?.transactionLow).not.toBe(2)
  })
})

test.each([
  ['type 8', '0800 0200 0200 0000', 'packet-type'],
  ['a flag beside the completion bit', '0600 0200 0200 0300', 'packet-flags'],
  ['a length below the descriptor', '0600 0200 0100 0000', 'packet-length'],
  ['no length', '0600 0200 0000 0000', 'packet-length'],
  ['an offset inside the descriptor', '0600 0100 0200 0000', 'packet-offset'],
  ['an offset beyond the packet', '0600 0300 0200 0000', 'packet-offset'],
  ['a length beyond what was written', '0600 0200 0300 0000', 'packet-overrun'],
])('%s fails the channel', (_, descriptor, reason) => {
  const { memory, guest, host, diagnostics } = channelPair()
  guest.sendInBand(hex(''), 0, 0, false)
  memory.bytes.set(hex(descriptor), 2 * 4096)
  expect(host.receive()).toBeUndefined()
  expect(host.isOpen).toBe(false)
  expect(diagnostics).toHaveLength(1)
  expect(diagnostics[0]?.message).toContain(reason)
  expect(host.sendInBand(hex(''), 0, 0, false)).toBe(false)
})

/** Headers of GPA-direct (9) and transfer page (7) packets, from byte 16 on: length, then the words. */
test.each([
  ['GPA-direct without room for a count', '0900 0200 0300 0100', '00000000 01000000', 'gpa-header'],
  ['GPA-direct without ranges', '0900 0300 0300 0100', '00000000 00000000', 'gpa-count'],
  [
    'GPA-direct with more ranges than header',
    '0900 0500 0500 0100',
    '00000000 02000000 10000000 00000000',
    'gpa-count',
  ],
  ['an empty range', '0900 0500 0500 0100', '00000000 01000000 00000000 00000000', 'gpa-range-empty'],
  [
    'a range that begins behind its first page',
    '0900 0500 0500 0100',
    '00000000 01000000 10000000 00100000',
    'gpa-range-offset',
  ],
  [
    'a range with more pages than header',
    '0900 0500 0500 0100',
    '00000000 01000000 01100000 00000000',
    'gpa-range-overrun',
  ],
  ['a range as long as a u32', '0900 0500 0500 0100', '00000000 01000000 ffffffff ff0f0000', 'gpa-range-overrun'],
  ['transfer pages without room for a count', '0700 0200 0300 0100', 'feca0000 01000000', 'transfer-header'],
  ['transfer pages with more ranges than header', '0700 0400 0400 0100', 'feca0000 02000000', 'transfer-overrun'],
])('%s fails the channel', (_, descriptor, header, reason) => {
  const { memory, guest, host, diagnostics } = channelPair()
  guest.sendInBand(new Uint8Array((hex(descriptor)[4] ?? 0) * 8 - 16), 0, 0, false)
  memory.bytes.set(hex(descriptor), 2 * 4096)
  memory.bytes.set(hex(header), 2 * 4096 + 16)
  expect(host.receive()).toBeUndefined()
  expect(diagnostics.map(({ detail }) => detail?.['branch'])).toEqual([reason])
})
