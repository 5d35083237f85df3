import { describe, expect, test } from 'vitest'
import type { TraceEvent } from '@vmbus/world'
import { CoreError, Due, PipePacketType, pipeDataEnd, type PageRange } from '../src/index.ts'
import { channelPair, hex } from './channel-pair.ts'

describe('a trace', () => {
  const traced = (role: 'guest' | 'host') => {
    const seen: unknown[] = []
    const trace = (event: TraceEvent): void => {
      if (event.kind === 'packet') seen.push({ ...event, bytes: Buffer.from(event.bytes).toString('hex') })
    }
    const pair = channelPair({ [role]: { trace } })
    pair.host.sendInBand(hex('0102030405'), 0x11223344, 0, true)
    pair.host.sendInBand(hex('aabb'), 5, 0, false)
    pair.guest.receive()
    pair.guest.receive()
    pair.guest.sendCompletion(hex(''), 0x11223344, 0)
    pair.host.receive()
    return seen
  }
  const packet = (to: 'guest' | 'host', text: string) => ({
    ...{ kind: 'packet', to, relid: 5 },
    bytes: text.replaceAll(' ', ''),
  })
  const TO_GUEST = [
    packet('guest', '0600 0200 0300 0100 44332211 00000000 0102030405000000'),
    packet('guest', '0600 0200 0300 0000 05000000 00000000 aabb000000000000'),
  ]

  test('of the host has both directions, each packet as it stands in the ring', () => {
    expect(traced('host')).toEqual([...TO_GUEST, packet('host', '0b00 0200 0200 0000 44332211 00000000')])
  })

  test('of the guest has what it receives', () => {
    expect(traced('guest')).toEqual(TO_GUEST)
  })
})

test('a channel fails once, by its first fault, and tells which one it is', () => {
  const { host, diagnostics } = channelPair()
  host.fail('VMBUS_FIRST', 'first', 'branch-one')
  host.fail('VMBUS_SECOND', 'second')
  expect([host.isOpen, host.failure]).toEqual([false, 'VMBUS_FIRST'])
  expect(diagnostics).toEqual([
    {
      ...{ code: 'VMBUS_FIRST', source: 'channel/host', message: 'first' },
      detail: { relid: 5, subchannelIndex: 0, branch: 'branch-one' },
    },
  ])
})

test('a channel that was closed is no failure, and says and takes nothing more', () => {
  const { guest, host, due, diagnostics } = channelPair()
  guest.sendInBand(hex('01'), 0, 0, false)
  host.close()
  expect([host.isOpen, host.failure, host.readable, host.receive(), host.writableBytes]).toEqual([
    ...[false, undefined, false, undefined, 0],
  ])
  host.wantWritable(8)
  host.mask(false)
  expect([host.mustPoll, host.interrupted(), due.host]).toEqual([false, 0, 0])
  expect([host.sendInBand(hex(''), 0, 0, false), host.sendCompletion(hex(''), 0, 0)]).toEqual([false, false])
  expect(diagnostics).toEqual([])
})

describe('ranges that cannot be', () => {
  const range = (change: Partial<PageRange>): PageRange => ({ byteCount: 16, byteOffset: 0, pfns: [9], ...change })

  test.each([
    ['byteCount', range({ byteCount: 0, pfns: [] })],
    ['byteCount', range({ byteCount: -1 })],
    ['byteCount', range({ byteCount: Number.NaN })],
    ['byteCount', range({ byteCount: 2 ** 32, pfns: Array.from({ length: 2 ** 20 }, () => 9) })],
    ['byteOffset', range({ byteOffset: -1 })],
    ['byteOffset', range({ byteOffset: 4096, pfns: [9, 9] })],
    ['byteOffset', range({ byteOffset: Number.NaN })],
    ['pfns', range({ byteCount: 4096, byteOffset: 1 })],
    ['pfns', range({ pfns: [9, 9] })],
  ])('by their %s are refused before anything is written', (field, wrong) => {
    const { guest, memory } = channelPair()
    const refusal = expect.objectContaining({ code: 'VMBUS_PACKET_INVALID', field }) as CoreError
    expect(() => guest.sendGpaDirect([wrong], hex(''), 0, 0)).toThrow(refusal)
    expect(memory.view.getUint32(4096, true)).toBe(0)
  })

  test('as there are none are refused', () => {
    const { guest } = channelPair()
    const refusal = expect.objectContaining({ code: 'VMBUS_PACKET_INVALID', field: 'ranges' }) as CoreError
    expect(() => guest.sendGpaDirect([], hex(''), 0, 0)).toThrow(refusal)
    expect(() => guest.sendTransferPages(1, [], hex(''), 0, 0)).toThrow(refusal)
  })

  test('no longer are: one byte, the last byte of a page, a whole page', () => {
    const { guest, host } = channelPair()
    const right = [
      range({ byteCount: 1 }),
      range({ byteCount: 1, byteOffset: 4095 }),
      range({ byteCount: 4096, pfns: [2 ** 32 + 3] }),
    ]
    expect(guest.sendGpaDirect(right, hex(''), 0, 0)).toBe(true)
    expect(host.receive()?.gpaRanges).toEqual(right)
  })
})

describe('room that is waited for', () => {
  test('is asked for in the ring in whole words of 8 bytes, and no more once it is there', () => {
    const { guest, host, memory, due } = channelPair()
    while (guest.sendInBand(new Uint8Array(1000), 0, 0, false));
    guest.wantWritable(1017)
    // pending_send_sz is the fourth word of the control page (Linux include/linux/hyperv.h, hv_ring_buffer).
    expect([memory.view.getUint32(4096 + 12, true), due.guest, guest.inspect()['wanted']]).toEqual([1024, 0, 1024])
    // 1016 are free.
    expect([guest.writableBytes, guest.takeWritable()]).toEqual([1016, false])
    host.receive()
    expect([guest.takeWritable(), guest.takeWritable()]).toEqual([true, false])
    expect(memory.view.getUint32(4096 + 12, true)).toBe(0)
  })

  test('that is there to the byte is due; a byte more could never be, and fails the channel', () => {
    const { guest, due, diagnostics } = channelPair()
    // A ring of 8192 bytes is never filled whole.
    guest.wantWritable(8184)
    expect([due.guest, guest.isOpen]).toEqual([1, true])
    guest.wantWritable(8185)
    expect([due.guest, guest.isOpen, guest.failure]).toEqual([1, false, 'VMBUS_PACKET_TOO_LARGE'])
    expect(diagnostics.map(({ detail }) => detail?.['branch'])).toEqual(['send-too-large'])
  })

  test('with a permanent size is signalled by that one, which stays', () => {
    const { guest, host, memory } = channelPair({ guest: { permanentPending: 4096 } })
    expect(memory.view.getUint32(4096 + 12, true)).toBe(4096)
    while (guest.sendInBand(new Uint8Array(1000), 0, 0, false));
    guest.wantWritable(1024)
    expect(memory.view.getUint32(4096 + 12, true)).toBe(4096)
    host.receive()
    expect(guest.takeWritable()).toBe(true)
    expect(memory.view.getUint32(4096 + 12, true)).toBe(4096)
  })

  test('is polled for by an end that polls, while it waits', () => {
    const { guest } = channelPair({ guest: { polls: true } })
    expect(guest.mustPoll).toBe(false)
    guest.wantWritable(8)
    expect(guest.mustPoll).toBe(true)
    expect([guest.interrupted(), guest.mustPoll]).toEqual([Due.writable, false])
  })

  test('and packets to read come in one interrupt', () => {
    const { guest, host } = channelPair()
    host.sendInBand(hex('01'), 0, 0, false)
    guest.wantWritable(8)
    expect(guest.interrupted()).toBe(Due.writable | Due.readable)
  })
})

test('a packet longer than all before is received whole', () => {
  const { guest, host } = channelPair()
  for (const size of [200, 248, 249, 1016, 4000]) {
    const payload = Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 0xff)
    guest.sendInBand(payload, 0, 0, false)
    const packet = host.receive()
    expect(packet?.payloadLength).toBe(Math.ceil(size / 8) * 8)
    expect(packet?.bytes.slice(16, 16 + size)).toEqual(payload)
  }
})

test('a packet as long as the limit is taken', () => {
  const { guest, host } = channelPair({ host: { maxPacket: 80 } })
  guest.sendInBand(new Uint8Array(64), 7, 0, false)
  expect(host.receive()?.transactionLow).toBe(7)
  guest.sendInBand(new Uint8Array(65), 8, 0, false)
  expect([host.receive(), host.failure]).toEqual([undefined, 'VMBUS_PACKET_TOO_LONG'])
})

/** Type and length of data, little-endian (wire/03 §3), then data. */
test.each([
  ['data of 3 bytes', '01000000 03000000 aabbcc0000000000', 0, 16, 11],
  ['data that fill the payload', '01000000 08000000 0000000000000000', 0, 16, 16],
  ['data behind other bytes', 'ffffffff 01000000 02000000 aabb', 4, 12, 14],
  ['the end of a stream', '01000000 00000000', 0, 8, 8],
  ['half a header', '01000000 000000', 0, 7, -1],
  ['no data packet', '02000000 00000000', 0, 8, -1],
  ['more data than payload', '01000000 09000000 0000000000000000', 0, 16, -1],
])('the data of a pipe packet end: %s', (_, bytes, offset, length, end) => {
  expect(pipeDataEnd(new DataView(hex(bytes).buffer), offset, length)).toBe(end)
})

test('a pipe packet carries 16 KiB at most', () => {
  const view = new DataView(new ArrayBuffer(8 + 16_392))
  view.setUint32(0, PipePacketType.data, true)
  const endOf = (data: number): number => {
    view.setUint32(4, data, true)
    return pipeDataEnd(view, 0, view.byteLength)
  }
  expect([endOf(16_384), endOf(16_385)]).toEqual([16_392, -1])
})
