import { fillChecksums, type Frame } from '@vmbus/switch'
import { describe, expect, test } from 'vitest'
import { UNCONFIGURED, interfaceTable, type InterfaceSystem } from '../src/stack/index.ts'
import { NO_OFFLOADS, prepare } from '../src/stack/prepare.ts'
import { RxChecksum } from '../src/protocol/ppi.ts'
import { joinedFrames } from '../src/stack/join.ts'
import { receive, type Receiving } from '../src/stack/receive.ts'
import type { Station } from '../src/stack/station.ts'
import { connected } from './world.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const ALL = { tcpV4: true, udpV4: true, tcpV6: true, udpV6: true, lsoV4: 62_780, lsoV6: 62_780, rsc: true }

const ETHERNET = '020000000001 00155d000001'
/** From fd00::2 to fd00::1. */
const IPV6 = (length: string, next: string): string =>
  `${ETHERNET} 86dd 60000000 ${length} ${next} 40 fd00${'00'.repeat(13)}02 fd00${'00'.repeat(13)}01`
/** 5001 to 5002, sequence number 1000. */
const TCP = (checksum: string): string => `1389 138a 000003e8 00000000 5018 0000 ${checksum} 0000`

describe('what is left to the adapter of a frame', () => {
  // fd00 + 2 + fd00 + 1 = 1fa03, folded fa04; with TCP (6) fa0a, and with the 24 bytes of a header and four more fa22.
  test('over IPv6 is the sum of the pseudo-header in place of the checksum', () => {
    const bytes = unhex(`${IPV6('0018', '06')} ${TCP('0000')} 00000000`)
    const [left, ...more] = prepare({ bytes, offload: { transportChecksum: true } }, ALL, 1500)
    expect([more, left?.offload, hex(left?.bytes.subarray(54) ?? bytes)]).toEqual([
      [],
      { transportChecksum: true },
      `${TCP('fa22')} 00000000`.replaceAll(' ', ''),
    ])
    // Whoever sends it keeps its bytes.
    expect(bytes[70]).toBe(0)
  })

  test('of a large segment over IPv6 has no length, neither in the header nor in the sum', () => {
    const bytes = unhex(`${IPV6('0fb4', '06')} ${TCP('0000')} ${'00'.repeat(4000)}`)
    const [left] = prepare({ bytes, offload: { segment: 1440 } }, ALL, 1500)
    expect([
      left?.offload,
      hex(left?.bytes.subarray(12, 22) ?? bytes),
      hex(left?.bytes.subarray(68, 72) ?? bytes),
    ]).toEqual([{ segment: 1440 }, '86dd6000000000000640', '0000fa0a'])
  })

  test('is nothing without the adapter’s help: the checksums and the pieces are whole', () => {
    // fa22 and the words of the header: 1389 + 138a + 03e8 + 5018 = 7b13; together 17535, folded 7536, and the rest to ffff.
    const small = unhex(`${IPV6('0018', '06')} ${TCP('0000')} 00000000`)
    const [filled] = prepare({ bytes: small, offload: { transportChecksum: true } }, NO_OFFLOADS, 1500)
    expect([filled?.offload, hex(filled?.bytes.subarray(70, 72) ?? small)]).toEqual([undefined, '8ac9'])
    const large = unhex(`${IPV6('0fb4', '06')} ${TCP('0000')} ${'00'.repeat(4000)}`)
    const pieces = prepare({ bytes: large, offload: { segment: 1440 } }, NO_OFFLOADS, 1500)
    expect(pieces.map(({ bytes, offload }) => [bytes.length, offload])).toEqual([
      [1514, undefined],
      [1514, undefined],
      [1194, undefined],
    ])
  })

  test('depends on protocol and family', () => {
    const udp = unhex(`${IPV6('000c', '11')} 1389 138a 000c 0000 00000000`)
    const request = { transportChecksum: true }
    // fa04, UDP (0x11) and 12 bytes: fa21. The words 1389 + 138a + 000c make 271f more: 12140, folded 2141.
    const at = (can: typeof ALL): string | undefined => {
      const [frame] = prepare({ bytes: udp, offload: request }, can, 1500)
      return frame && `${frame.offload === undefined ? 'filled' : 'left'} ${hex(frame.bytes.subarray(60, 62))}`
    }
    expect([at(ALL), at({ ...ALL, udpV6: false }), at({ ...ALL, udpV4: false, tcpV6: false })]).toEqual([
      'left fa21',
      'filled debe',
      'left fa21',
    ])
  })

  test.each([
    ['no IP', unhex(`${ETHERNET} 0806 ${'00'.repeat(46)}`), { transportChecksum: true }],
    ['neither TCP nor UDP', unhex(`${IPV6('0008', '3a')} ${'00'.repeat(8)}`), { transportChecksum: true }],
    ['a segment that is UDP', unhex(`${IPV6('000c', '11')} 1389 138a 000c 0000 00000000`), { segment: 4 }],
    ['pieces of no bytes', unhex(`${IPV6('0018', '06')} ${TCP('0000')} 00000000`), { segment: 0 }],
    ['pieces of a part of a byte', unhex(`${IPV6('0018', '06')} ${TCP('0000')} 00000000`), { segment: 1.5 }],
    ['pieces beyond the MTU', unhex(`${IPV6('0fb4', '06')} ${TCP('0000')} ${'00'.repeat(4000)}`), { segment: 1441 }],
  ])('cannot be of %s', (_what, bytes, offload) => {
    expect(prepare({ bytes, offload }, ALL, 1500)).toEqual([])
  })

  test('is as it is without a request', () => {
    const frame: Frame = { bytes: new Uint8Array(60), vlan: { id: 5, priority: 0, dei: false } }
    expect(prepare(frame, ALL, 1500)).toEqual([frame])
  })
})

/** An interface with one VLAN, 100, and what each heard. */
function receiving(tagsBeside: boolean, isVlanUp = true): { ctx: Receiving; heard: string[] } {
  const heard: string[] = []
  const station = (name: string): Station => ({
    config: UNCONFIGURED,
    linkLocal: undefined,
    configure: () => undefined,
    start: () => undefined,
    renew: () => undefined,
    receive: ({ bytes, offload }) =>
      void heard.push(`${name} ${bytes.length}${offload?.transportChecksum === true ? ' trusted' : ''}`),
    ping: () => undefined,
    isAnswered: () => false,
    timer: () => undefined,
    save: () => ({ config: UNCONFIGURED, sequence: 1, answered: [], peer: null }),
    load: () => undefined,
  })
  const vlan = { name: 'eth0.100', station: station('eth0.100'), isUp: isVlanUp }
  const system: InterfaceSystem = {
    kind: 'test',
    label: 'interface',
    table: interfaceTable((index) => `eth${index}`),
    startsUp: false,
    filter: 0,
    mostWaiting: 1,
    echoMayFragment: false,
    vlans: true,
    tagsBeside,
    scales: true,
    mtuRange: () => [68, 1500],
    vf: 'none',
    refuse: (what) => new Error(what),
  }
  const state = { name: 'eth0', instanceId: '', isUp: true, isChanging: false, joins: true, off: [], waiting: [] }
  const { driver } = connected({ vps: 1 })
  return { ctx: { nic: driver, state, station: station('eth0'), system, vlans: new Map([[100, vlan]]) }, heard }
}

describe('a frame that arrives', () => {
  const plain = new Uint8Array(60)
  const inside = unhex(`${ETHERNET} 8100 2064 0800 ${'00'.repeat(46)}`)
  const tag = (id: number): Frame['vlan'] => ({ id, priority: 1, dei: false })

  test.each([
    ['without a tag', { bytes: plain }, true, ['eth0 60']],
    ['with the VLAN’s tag beside it', { bytes: plain, vlan: tag(100) }, true, ['eth0.100 60']],
    ['with another’s', { bytes: plain, vlan: tag(200) }, true, []],
    ['with a priority alone', { bytes: plain, vlan: tag(0) }, true, ['eth0 60']],
    // Four bytes of tag go.
    ['with the VLAN’s tag in it', { bytes: inside }, true, ['eth0.100 60']],
    ['with a tag beside it, where the driver does not look', { bytes: plain, vlan: tag(100) }, false, ['eth0 60']],
    ['with a tag in it, for a driver that knows of none', { bytes: inside }, false, ['eth0.100 60']],
  ] as const)('%s', (_what, frame, tagsBeside, expected) => {
    const { ctx, heard } = receiving(tagsBeside)
    receive(ctx, { ...frame, checksum: 0 })
    expect(heard).toEqual(expected)
  })

  test('is not that of a VLAN that is down', () => {
    const { ctx, heard } = receiving(true, false)
    receive(ctx, { bytes: plain, vlan: tag(100), checksum: 0 })
    expect(heard).toEqual([])
  })

  test('whose checksum the host has found right is trusted, unless that feature is off', () => {
    const { ctx, heard } = receiving(true)
    receive(ctx, { bytes: plain, checksum: RxChecksum.tcpSucceeded })
    ctx.state.off.push('rx-checksumming')
    receive(ctx, { bytes: plain, checksum: RxChecksum.tcpSucceeded })
    expect(heard).toEqual(['eth0 60 trusted', 'eth0 60'])
  })
})

describe('TCP segments that a driver joins', () => {
  const RIGHT = RxChecksum.tcpSucceeded | RxChecksum.ipSucceeded
  const HEADERS = 54
  /** 10.0.0.1:`port` to 10.0.0.2:5001, from `sequence` on, its checksums right. */
  function segment(
    sequence: number,
    payload: string,
    { flags = 0x10, port = 5002, acknowledged = 7, options = '' } = {},
  ) {
    const hex8 = (value: number): string => value.toString(16).padStart(8, '0')
    const hex4 = (value: number): string => value.toString(16).padStart(4, '0')
    const text = Buffer.from(payload).toString('hex')
    const words = 5 + options.replaceAll(' ', '').length / 8
    const tcp = `${hex4(port)} 1389 ${hex8(sequence)} ${hex8(acknowledged)} ${words.toString(16)}0 ${flags.toString(16).padStart(2, '0')} 2000 0000 0000 ${options} ${text}`
    const length = 20 + tcp.replaceAll(' ', '').length / 2
    const bytes = unhex(`${ETHERNET} 0800 4500 ${hex4(length)} 0000 4000 4006 0000 0a000001 0a000002 ${tcp}`)
    return { bytes: fillChecksums(bytes, { transportChecksum: true, ipv4Checksum: true }) ?? bytes, checksum: RIGHT }
  }
  const texts = (frames: readonly { readonly bytes: Uint8Array }[]): string[] =>
    frames.map(({ bytes }) => Buffer.from(bytes.subarray(HEADERS)).toString())
  const LIMITS = { most: 18_000, mtu: 1500 }

  test('follow each other, and their one frame has the first one’s headers and what the last says', () => {
    const [one, two] = [segment(1000, 'abc'), segment(1003, 'de', { flags: 0x18, acknowledged: 9 })]
    // As if they had been one; the first's flags stay, as tcp_lro.c keeps them.
    expect(joinedFrames([one, two], LIMITS)).toEqual([segment(1000, 'abcde', { acknowledged: 9 })])
  })

  test('are of one flow: of others each is its own, the newest first', () => {
    const all = [segment(1, 'a'), segment(50, 'x', { port: 9 }), segment(2, 'b'), segment(51, 'y', { port: 9 })]
    expect(texts(joinedFrames(all, LIMITS))).toEqual(['xy', 'ab'])
  })

  // 40 bytes of headers count: 60 and 80 of payload make a packet of 180.
  test.each([
    ['at the limit', 180, 0, [140]],
    ['above it', 179, 0, [80, 60]],
    // What is left has no room for a packet of the MTU.
    ['with no room for another', 200, 80, [140]],
  ])('make packets %s', (_what, most, mtu, lengths) => {
    const frames = [segment(0, 'a'.repeat(60)), segment(60, 'b'.repeat(80))]
    const found = joinedFrames(frames, { most, mtu })
    expect(
      texts(found)
        .map((text) => text.length)
        .toSorted((a, b) => b - a),
    ).toEqual(lengths)
    expect(texts(found).join('').length).toBe(140)
  })

  const STAMPS = (value: string, echo: string): string => `0101080a ${value} ${echo}`
  test.each([
    ['a gap', [segment(1, 'a'), segment(5, 'b')], 2],
    ['a segment again', [segment(1, 'a'), segment(1, 'a')], 2],
    ['the end of a connection', [segment(1, 'a'), segment(2, 'b', { flags: 0x11 })], 2],
    ['its beginning', [segment(1, '', { flags: 2 }), segment(2, 'b')], 2],
    ['an unknown option', [segment(1, 'a'), segment(2, 'b', { options: '01010101' })], 2],
    ['a checksum that is wrong', [segment(1, 'a'), { ...segment(2, 'b'), checksum: RxChecksum.tcpFailed }], 2],
    ['what no host looked at', [1, 2].map((at) => ({ ...segment(at, 'a'), checksum: 0 })), 1],
    [
      'timestamps that go on',
      [
        segment(1, 'a', { options: STAMPS('00000001', '00000001') }),
        segment(2, 'b', { options: STAMPS('00000002', '00000001') }),
      ],
      1,
    ],
    [
      'timestamps that go back',
      [
        segment(1, 'a', { options: STAMPS('00000003', '00000001') }),
        segment(2, 'b', { options: STAMPS('00000002', '00000001') }),
      ],
      2,
    ],
    ['an acknowledgement alone', [segment(1, 'a'), segment(2, '', { acknowledged: 8 }), segment(2, 'b')], 2],
    ['the same again', [segment(1, 'a'), segment(2, ''), segment(2, 'b')], 3],
  ])('with %s', (_what, frames, count) => {
    expect(joinedFrames(frames, LIMITS)).toHaveLength(count)
  })
})
