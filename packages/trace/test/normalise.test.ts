import fc from 'fast-check'
import { MessageId, encode, layouts } from '@vmbus/core'
import { describe, expect, test } from 'vitest'
import {
  createPrinter,
  diff,
  fromFixture,
  normalise as normaliseWith,
  toFixture,
  type Entry,
  type Normalised,
} from '../src/index.ts'
import { entry, line, message, packet, transfer, words } from './arbitraries.ts'
import { DEVICES } from './devices.ts'

const normalise = (entries: readonly Entry[]): Normalised => normaliseWith(entries, DEVICES)

const TIMESYNC = '9527e630-d0ae-497b-adce-e80ab0175caf'
const INSTANCE = '2dd1ce17-079e-403c-b352-a1921ee207ee'
/** Linux include/linux/hyperv.h, HV_HEART_BEAT_GUID and HV_NIC_GUID. */
const HEARTBEAT = '57164f39-9115-4e78-ab55-382f3bd5422d'
const NETVSC = 'f8615163-df3e-46c5-913f-f2d2f965ed0e'
const offer = (relid: number, interfaceId = TIMESYNC): Entry =>
  message('guest', encode(layouts.offerChannel, MessageId.offerChannel, { interfaceId, instanceId: INSTANCE, relid }))

/** GPADL_HEADER of one range. */
const gpadl = (id: number, ...pfns: number[]): Entry =>
  message(
    'host',
    Uint8Array.from([
      ...words(8, 0, 1, id),
      24,
      0,
      1,
      0,
      ...words(pfns.length * 4096, 0, ...pfns.flatMap((pfn) => [pfn, 0])),
    ]),
  )
const created = (id: number): Entry => message('guest', words(10, 0, 1, id, 0))

const hex = ({ control }: Normalised): string[] => control.map(({ bytes }) => Buffer.from(bytes).toString('hex'))

describe('the normaliser', () => {
  test('renames what the guest chose, keeping what is equal and what is not', () => {
    const first = normalise([gpadl(0xe1e10, 7, 9), created(0xe1e10), gpadl(0xe1e11, 9, 5), created(0xe1e11)])
    const second = normalise([gpadl(0xaaaa, 100, 300), created(0xaaaa), gpadl(0x1234, 300, 2), created(0x1234)])
    const shared = normalise([gpadl(0xaaaa, 100, 300), created(0xaaaa), gpadl(0x1234, 301, 2), created(0x1234)])
    const crossed = normalise([gpadl(0xaaaa, 100, 300), created(0x1234), gpadl(0x1234, 300, 2), created(0xaaaa)])
    expect(diff(first, second)).toEqual([])
    expect(diff(first, shared).map(({ index, byte }) => [index, byte])).toEqual([[2, 28]])
    expect(diff(first, crossed).map(({ index }) => index)).toEqual([1, 3])
    expect(hex(first)[1]).toBe('0a000000000000000100000001000000' + '00000000')
  })

  test('keeps an address within its page, and nothing of its page', () => {
    const contact = (page: number): Entry => message('host', words(14, 0, 0x4_0000, 0, page * 4096 + 8, 0, 0, 0, 0, 0))
    expect(diff(normalise([contact(5)]), normalise([contact(77)]))).toEqual([])
    expect(hex(normalise([contact(5)]))[0]?.slice(32, 48)).toBe('0810000000000000')
    // From 5.0 on the same bytes are SINT and VTL: not an address.
    const sint = (value: number): Entry => message('host', words(14, 0, 0x5_0000, 0, value, 0, 0, 0, 0, 0))
    expect(diff(normalise([sint(2)]), normalise([sint(3)]))[0]).toMatchObject({ stream: 'control', index: 0, byte: 16 })
  })

  test('drops times of time synchronisation, on its channel only', () => {
    const sample = (time: number): Uint8Array => {
      const bytes = new Uint8Array(16 + 28 + 24)
      const view = new DataView(bytes.buffer)
      view.setUint16(0, 6, true)
      view.setUint16(2, 2, true)
      view.setUint16(4, bytes.length / 8, true)
      view.setUint32(16, 1, true)
      view.setUint16(16 + 12, 4, true)
      view.setUint16(16 + 14, 4, true)
      view.setUint32(16 + 28, time, true)
      view.setUint32(16 + 36, time + 1, true)
      view.setUint8(16 + 44, 1)
      return bytes
    }
    const of = (interfaceId: string, time: number): Normalised =>
      normalise([offer(3, interfaceId), packet('guest', 3, sample(time))])
    expect(diff(of(TIMESYNC, 1), of(TIMESYNC, 2))).toEqual([])
    expect(diff(of(HEARTBEAT, 1), of(HEARTBEAT, 2)).map(({ stream, byte }) => [stream, byte])).toEqual([
      [`${HEARTBEAT}/${INSTANCE}/0`, 44],
    ])
    const bare = (time: number): Normalised => normaliseWith([offer(3), packet('guest', 3, sample(time))], [])
    expect(diff(bare(1), bare(2)).map(({ byte }) => byte)).toEqual([44])
  })

  test('names transactions within their channel', () => {
    const request = (relid: number, id: number): Entry => packet('host', relid, words(0x2_0006, 2, id, 0))
    const first = normalise([offer(3), request(3, 0x55), request(4, 0x55), request(3, 0x66), request(3, 0x55)])
    expect(Object.entries(first.channels).map(([name, lines]) => [name, lines.map(({ bytes }) => bytes[8])])).toEqual([
      [`${TIMESYNC}/${INSTANCE}/0`, [1, 2, 1]],
      ['relid 4', [1]],
    ])
  })

  test('renames the ids of RNDIS requests, and nothing else of them', () => {
    // QUERY and its answer: type, length, id, then OID or status.
    const query = (id: number, oid = 7): Entry => transfer('host', words(4, 28, id, oid, 0, 20, 0))
    const answer = (id: number): Entry => transfer('guest', words(0x8000_0004, 24, id, 0, 0, 16))
    const of = (...entries: Entry[]): Normalised => normalise([offer(3), ...entries])
    expect(diff(of(query(5), answer(5)), of(query(9), answer(9)))).toEqual([])
    expect(diff(of(query(5), answer(5)), of(query(5), answer(6))).map(({ index, byte }) => [index, byte])).toEqual([
      [1, 8],
    ])
    expect(diff(of(query(5, 7)), of(query(5, 8))).map(({ byte }) => byte)).toEqual([12])
    expect(diff(of(query(5)), of({ ...query(5), to: 'guest' } as Entry)).map(({ byte }) => byte)).toEqual([-1])
  })

  test('renames the id of an IPv4 packet that the guest sends, and its checksum by as much', () => {
    // Type PACKET, length, data at 36, 34 bytes: Ethernet and the IPv4 header of RFC 1071 sums by hand.
    const packetOf = (to: 'host' | 'guest', id: number, checksum: number): Entry => {
      const bytes = Uint8Array.from([...words(1, 78, 36, 34, 0, 0, 0, 36, 0, 0, 0), ...new Uint8Array(34)])
      const view = new DataView(bytes.buffer)
      view.setUint16(44 + 12, 0x0800)
      view.setUint16(44 + 14, 0x4500)
      view.setUint16(44 + 18, id)
      view.setUint16(44 + 24, checksum)
      return transfer(to, bytes)
    }
    const of = (to: 'host' | 'guest', id: number, checksum: number): Normalised =>
      normalise([offer(3), packetOf(to, id, checksum)])
    // ~(0x4500 + id): 0xbaff - id.
    expect(diff(of('host', 0x1234, 0xa8cb), of('host', 0x4321, 0x77de))).toEqual([])
    expect(diff(of('host', 0x1234, 0xa8cb), of('host', 0x4321, 0x77df)).map(({ byte }) => byte)).toEqual([69])
    const [renamed] = Object.values(of('host', 0x1234, 0xa8cb).channels).flat()
    expect(Buffer.from(renamed?.bytes.subarray(62, 70) ?? []).toString('hex')).toBe('000100000000bafe')
    // What the host delivers is not the guest's choice.
    expect(diff(of('guest', 0x1234, 0xa8cb), of('guest', 0x4321, 0x77de))).not.toEqual([])
  })

  test('names the pages of an RNDIS request while it is under way, and looks at nothing that no field is', () => {
    const request = (id: number, page: number, unset = 0): Entry =>
      packet(
        'host',
        3,
        Uint8Array.from([
          ...words(0x5_0009, 0x1_000a, id, 0, 0, 1, 28, 0x60, page, 0),
          ...words(107, 1, 0xffff_ffff, 0, unset, 0, 0, 0, 0, unset),
        ]),
      )
    const done = (id: number): Entry => packet('guest', 3, words(0x2_000b, 0, id, 0))
    const of = (...entries: Entry[]): Normalised => normalise([offer(3, NETVSC), ...entries])
    const pages = (transcript: Normalised): (number | undefined)[] =>
      Object.values(transcript.channels)
        .flat()
        .flatMap(({ bytes }) => (bytes[0] === 9 ? [bytes[32]] : []))
    expect(pages(of(request(1, 50), done(1), request(1, 50), done(1)))).toEqual([1, 2])
    expect(pages(of(request(1, 50), done(1), request(1, 77), done(1)))).toEqual([1, 2])
    // Two at once: the same page is seen to be the same.
    expect(pages(of(request(1, 50), request(2, 50), request(4, 60), done(1)))).toEqual([1, 1, 2])
    expect(diff(of(request(1, 50, 0)), of(request(1, 50, 0xdeadbeef)))).toEqual([])
  })

  test('takes any bytes at all, and leaves what it was given alone', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
        const before = structuredClone(entries)
        const once = normalise(entries)
        expect(entries).toEqual(before)
        expect(diff(once, normalise(entries))).toEqual([])
      }),
      { seed: 5, numRuns: 300 },
    )
  })
})

describe('a difference', () => {
  const to = (side: 'host' | 'guest', ...bytes: number[]) => ({ to: side, bytes: Uint8Array.from(bytes) })
  const of = (...control: ReturnType<typeof to>[]): Normalised => ({ control, channels: {} })

  test.each([
    ['a byte', of(to('host', 1, 2)), of(to('host', 1, 3)), { index: 0, byte: 1 }],
    ['the length', of(to('host', 1)), of(to('host', 1, 0)), { index: 0, byte: 1 }],
    ['the receiver', of(to('host', 1)), of(to('guest', 1)), { index: 0, byte: -1 }],
    [
      'a line too many',
      of(to('host', 1)),
      of(to('host', 1), to('host', 2)),
      { index: 1, byte: -1, left: undefined, right: 'to host: 02' },
    ],
  ])('is %s', (_name, left, right, expected) => {
    expect(diff(left, right)).toEqual([expect.objectContaining({ stream: 'control', ...expected })])
    expect(diff(left, left)).toEqual([])
  })

  test('is a channel that only one has', () => {
    expect(diff({ control: [], channels: { a: [to('host', 1)] } }, of())).toMatchObject([
      { stream: 'a', index: 0, byte: -1 },
    ])
  })
})

describe('a fixture', () => {
  const channels = fc.dictionary(
    fc.stringMatching(/^[a-f0-9/-]{1,20}$/),
    fc.array(line, { minLength: 1, maxLength: 5 }),
    { maxKeys: 3, noNullPrototype: true },
  )

  test('comes back as the transcript that it was', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 10 }), channels, (control, named) => {
        const text = toFixture({ control, channels: named }, { kernel: '6.1.0-50', seed: 1 })
        const back = fromFixture(text)
        expect(back.provenance).toEqual({ kernel: '6.1.0-50', seed: '1' })
        expect(back.transcript).toEqual({ control, channels: named })
      }),
      { seed: 6, numRuns: 300 },
    )
  })

  test('writes numbers in turn as the first and the last, and what a packet named with its format', () => {
    const pages = words(9, 0, ...[7, 8, 9, 10].flatMap((page) => [page, 0]))
    const text = toFixture(
      {
        control: [{ to: 'host', bytes: pages }],
        channels: { a: [{ to: 'guest', bytes: Uint8Array.of(1), format: 'rndis' }] },
      },
      {},
    )
    expect(text).toBe('= control\n> 09(7)[7-10]\n= a\n<< rndis 01\n')
  })

  test('writes runs of zeros as their count', () => {
    const text = toFixture(
      {
        control: [{ to: 'host', bytes: Uint8Array.of(1, ...new Uint8Array(20), 0x10, 0, 0, 2, 0, 0, 0) }],
        channels: {},
      },
      {},
    )
    expect(text).toBe('= control\n> 01(20)10000002(3)\n')
  })

  test.each([
    '> 00',
    '= control\n> 0',
    '= control\n> xx',
    'words',
    '# nothing',
    '= control\n> (99999999999)',
    '= control\n> [9-3]',
    '= control\n> [1-99999999999]',
    '= control\n>< rndis 00',
    '= control\n>> 00',
  ])('%j is refused', (text) => {
    expect(() => fromFixture(text)).toThrow(expect.objectContaining({ code: 'VMBUS_TRANSCRIPT' }))
  })
})

describe('the printer', () => {
  test('names messages, channels and component messages', () => {
    const print = createPrinter(DEVICES)
    const reply = new Uint8Array(16 + 28)
    const view = new DataView(reply.buffer)
    view.setUint16(0, 6, true)
    view.setUint16(2, 2, true)
    view.setUint16(16 + 12, 4, true)
    view.setUint16(16 + 14, 4, true)
    view.setUint32(16 + 20, 0x80004005, true)
    view.setUint8(16 + 25, 5)
    const lines: Entry[] = [
      message('host', words(14, 0, 0x5_0003, 0, 2, 0, 0, 0, 0, 0)),
      message('guest', words(15, 0, 1, 4)),
      offer(3),
      created(0xe1e10),
      { time: 12_345_678, kind: 'packet', to: 'host', relid: 3, bytes: reply },
      packet('host', 9, words(0x2_000b, 2, 7, 0)),
      transfer('host', words(4, 28, 1, 0x101_0101)),
      transfer('guest', words(99), 'other'),
      { time: 0, kind: 'note', source: 'host', text: 'hot add' },
    ]
    expect(lines.map(print)).toEqual([
      '   0.000000 guest → host  INITIATE_CONTACT 5.3 (40 bytes)',
      '   0.000000 host → guest  VERSION_RESPONSE supported, state 0 (16 bytes)',
      '   0.000000 host → guest  OFFER_CHANNEL 3 timesync (196 bytes)',
      '   0.000000 host → guest  GPADL_CREATED 1 gpadl 0xe1e10 (20 bytes)',
      '   1.234568 guest → host  channel 3 timesync timesync 4.0 response status 0x80004005 (28 bytes)',
      '   0.000000 guest → host  channel 9 completion id 7 (0 bytes)',
      '   0.000000 guest → host  channel 3 timesync RNDIS QUERY permanentAddress (16 bytes)',
      '   0.000000 host → guest  channel 3 timesync other (4 bytes)',
      '   0.000000 host: hot add',
    ])
  })

  // Interface GUIDs: Linux include/linux/hyperv.h, HV_NIC_GUID, HV_SCSI_GUID, HV_DM_GUID, HV_KVP_GUID.
  test.each<[device: string, flags: number, payload: readonly number[], says: string]>([
    // hyperv_net.h: NVSP_MSG1_TYPE_SEND_RECV_BUF is 101.
    ['f8615163-df3e-46c5-913f-f2d2f965ed0e', 0, [...words(101, 0)], 'netvsc SEND_RECEIVE_BUFFER'],
    // storvsc_drv.c: VSTOR_OPERATION_EXECUTE_SRB is 3; the CDB stands 12 + 16 bytes into the packet. SBC-3: UNMAP is 42h.
    ['ba6163d9-04a1-4d29-b605-72e2ffb1dc7f', 0, [...words(3, 1, 0, 0, 0, 0, 0), 0x42, 0, 0, 0], 'storvsc UNMAP'],
    // SPC-4 6.4: INQUIRY is 12h, with EVPD byte 2 is the page.
    [
      'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f',
      0,
      [...words(3, 1, 0, 0, 0, 0, 0), 0x12, 1, 0xb0, 0],
      'storvsc INQUIRY page 0xb0',
    ],
    ['ba6163d9-04a1-4d29-b605-72e2ffb1dc7f', 0, [...words(3, 1, 0, 0, 0, 0, 0), 0x28, 0, 0, 0], 'storvsc READ(10)'],
    // SBC-3 5.16: READ CAPACITY (16) is service action 10h of 9Eh.
    [
      'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f',
      0,
      [...words(3, 1, 0, 0, 0, 0, 0), 0x9e, 0x10, 0, 0],
      'storvsc READ CAPACITY(16)',
    ],
    ['ba6163d9-04a1-4d29-b605-72e2ffb1dc7f', 0, [...words(1, 0, 0xc000_009d)], 'storvsc COMPLETE_IO status 0xc000009d'],
    // hv_balloon.c: DM_BALLOON_REQUEST is 6.
    ['525074dc-8985-46e2-8057-a307dc18a502', 0, [...words(0x0010_0006, 1, 512, 0)], 'balloon BALLOON_REQUEST'],
    // hyperv.h: ICMSGTYPE_KVPEXCHANGE is 2; message version 5.0; KVP_OP_SET is 1.
    [
      'a9a0f4e7-5a45-4d96-b827-8a841e8c03e6',
      0x10,
      [...words(1, 0, 0, 0x5_0002, 0, 0), 1, 3, 0, 0, 1, 0, 0, 0],
      'kvp kvp 5.0 set request',
    ],
  ])('names the messages of %s: %#', (interfaceId, flags, payload, says) => {
    const print = createPrinter(DEVICES)
    const values = { interfaceId, instanceId: INSTANCE, relid: 5, flags }
    print(message('guest', encode(layouts.offerChannel, MessageId.offerChannel, values)))
    expect(print(packet('guest', 5, Uint8Array.from([...words(0x2_0006, 0, 7, 0), ...payload])))).toBe(
      `   0.000000 host → guest  channel 5 ${says} (${payload.length} bytes)`,
    )
  })

  test('prints any bytes at all on one line', () => {
    fc.assert(
      fc.property(
        fc.array(
          entry.filter(({ kind }) => kind !== 'note'),
          { maxLength: 20 },
        ),
        (entries) => {
          const print = createPrinter(DEVICES)
          for (const each of entries) expect(print(each)).toMatch(/^ *\d+\.\d{6} [^\n]+$/)
        },
      ),
      { seed: 7, numRuns: 200 },
    )
  })
})
