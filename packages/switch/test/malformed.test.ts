import { describe, expect, test } from 'vitest'
import type { Frame } from '@vmbus/switch'
import { createPeer, type TcpSocket } from '@vmbus/switch/peer'
import { hex, testWorld } from './world.ts'

const US = '02 00 00 00 00 01'
const THEM = '02 00 00 00 00 02'
const ALL = 'ff ff ff ff ff ff'
const US_4 = '0a 00 00 01'
const THEM_4 = '0a 00 00 02'
const US_6 = 'fe 80 00 00 00 00 00 00 00 00 00 ff fe 00 00 01'
const THEM_6 = 'fe 80 00 00 00 00 00 00 00 00 00 ff fe 00 00 02'
const NOBODY_6 = '00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00'
const ALL_NODES = 'ff 02 00 00 00 00 00 00 00 00 00 00 00 00 00 01'
const OUR_GROUP = 'ff 02 00 00 00 00 00 00 00 00 00 01 ff 00 00 01'

/** The checksum of RFC 1071, once more: what is typed below has zeros in its place. */
function checksum(...parts: readonly Uint8Array[]): number {
  const bytes = Buffer.concat(parts)
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000)
  return 0xffff - sum
}
const put = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >> 8
  bytes[at + 1] = value & 255
}
const CHECKSUM_AT: Record<number, number> = { 1: 2, 6: 16, 17: 6, 58: 2 }

interface Fields {
  readonly to?: string
  readonly source?: string
  readonly destination?: string
  readonly protocol: number
  /** IPv4 options, or the headers between that of IPv6 and the message. */
  readonly between?: string
  /** What the IPv6 header says follows, when it is not the message. */
  readonly next?: number
  readonly hops?: number
  /** Added to the right checksum. */
  readonly damage?: number
}
/** An IPv4 packet with the message typed in `body`. */
function v4(body: string, { to = US, source = THEM_4, destination = US_4, protocol, ...more }: Fields): Frame {
  const options = hex(more.between ?? '')
  const message = hex(body)
  const header = hex(`45 00 00 00 00 07 40 00 40 00 00 00 ${source} ${destination} ${more.between ?? ''}`)
  header[0] = 0x45 + options.length / 4
  header[9] = protocol
  put(header, 2, header.length + message.length)
  put(header, 10, checksum(header))
  const pseudo = protocol === 1 ? hex('') : hex(`${source} ${destination} 00 00 00 00`)
  if (protocol !== 1) {
    pseudo[9] = protocol
    put(pseudo, 10, message.length)
  }
  const at = CHECKSUM_AT[protocol]
  if (at !== undefined) put(message, at, (checksum(pseudo, message) + (more.damage ?? 0)) & 0xffff)
  return { bytes: new Uint8Array([...hex(`${to} ${THEM} 08 00`), ...header, ...message]) }
}
/** An IPv6 packet with the message typed in `body`. */
function v6(body: string, { to = US, source = THEM_6, destination = US_6, protocol, ...more }: Fields): Frame {
  const between = hex(more.between ?? '')
  const message = hex(body)
  const header = hex(`60 00 00 00 00 00 00 40 ${source} ${destination}`)
  put(header, 4, between.length + message.length)
  header[6] = more.next ?? protocol
  header[7] = more.hops ?? 64
  const pseudo = hex(`${source} ${destination} 00 00 00 00 00 00 00 00`)
  put(pseudo, 34, message.length)
  pseudo[39] = protocol
  const at = CHECKSUM_AT[protocol]
  if (at !== undefined && message.length > at)
    put(message, at, (checksum(pseudo, message) + (more.damage ?? 0)) & 0xffff)
  return { bytes: new Uint8Array([...hex(`${to} ${THEM} 86 dd`), ...header, ...between, ...message]) }
}

const ECHO_4 = '08 00 00 00 00 07 00 09 61 62'
const ECHO_6 = '80 00 00 00 00 07 00 09 61 62'
const ping4 = (more: Partial<Fields> = {}): Frame => v4(ECHO_4, { protocol: 1, ...more })
const ping6 = (more: Partial<Fields> = {}): Frame => v6(ECHO_6, { protocol: 58, ...more })

/** One peer that knows 02:00:00:00:00:02 at 10.0.0.2 and fe80::ff:fe00:2, and listens on port 80. */
function alone() {
  const world = testWorld()
  const sent: Uint8Array[] = []
  const peer = createPeer({
    clock: world.clock,
    timers: world.timers,
    seed: world.seed,
    mac: '02:00:00:00:00:01',
    ipv4: '10.0.0.1/24',
    send: ({ bytes }) => sent.push(bytes),
  })
  const got: number[] = []
  let opened: TcpSocket | undefined
  peer.listen(80, { opened: (socket) => void (opened = socket), data: (_, bytes) => void got.push(...bytes) })
  const say = (frame: Frame): Uint8Array[] => (peer.receive(frame), sent.splice(0))
  const hear = (text: string): Uint8Array[] => say({ bytes: hex(text) })
  hear(`${ALL} ${THEM} 08 06 00 01 08 00 06 04 00 01 ${THEM} ${THEM_4} 00 00 00 00 00 00 ${US_4}`)
  say(
    v6(`87 00 00 00 00 00 00 00 ${US_6} 01 01 ${THEM}`, {
      to: '33 33 ff 00 00 01',
      destination: OUR_GROUP,
      protocol: 58,
      hops: 255,
    }),
  )
  return { peer, world, say, hear, got, socket: () => opened }
}
/** Type and code of the ICMP messages in frames, and the four bytes after the checksum. */
const icmpOf = (frames: readonly Uint8Array[]): string[] =>
  frames.map((bytes) => {
    const at = bytes[12] === 0x86 ? 54 : 34
    return `${bytes[at]}/${bytes[at + 1]} ${Buffer.from(bytes.subarray(at + 4, at + 8)).toString('hex')}`
  })
const ANSWER_4 = ['0/0 00070009']
const ANSWER_6 = ['129/0 00070009']

test('the frames of these tests are right: both echo requests are answered', () => {
  const { say } = alone()
  expect(icmpOf(say(ping4()))).toEqual(ANSWER_4)
  expect(icmpOf(say(ping6()))).toEqual(ANSWER_6)
  expect(say(ping4({ damage: 1 }))).toEqual([])
  expect(say(ping6({ damage: 1 }))).toEqual([])
})

describe('TCP', () => {
  /** Ports 12345 to `port`, header of 20 bytes and more. */
  const segment = (flags: string, more: { ports?: string; numbers?: string; offset?: string; rest?: string } = {}) => {
    const { ports = '30 39 00 50', numbers = '00 00 00 64 00 00 00 00', offset = '50', rest = '' } = more
    return `${ports} ${numbers} ${offset} ${flags} 10 00 00 00 00 00 ${rest}`
  }
  const tcp = (...args: Parameters<typeof segment>): Frame => v4(segment(...args), { protocol: 6 })
  const flagsOf = (frames: readonly Uint8Array[]): string[] => frames.map((bytes) => (bytes[47] ?? 0).toString(16))
  const CLOSED = { ports: '30 39 00 51' }

  // RFC 9293, 3.10.7.2. Flags: 01 FIN, 02 SYN, 04 RST, 08 PSH, 10 ACK, 20 URG.
  test.each([
    ['nothing', '00', []],
    ['FIN', '01', []],
    ['FIN, PSH and URG', '29', []],
    ['RST', '04', []],
    ['RST and ACK', '14', []],
    ['SYN and RST', '06', []],
    ['SYN and FIN', '03', []],
    ['all', '3f', []],
    ['ACK', '10', ['4']],
    ['SYN and ACK', '12', ['4']],
    ['SYN', '02', ['12']],
  ])('%s to a listener', (_, flags, answers) => {
    const { say, peer } = alone()
    const answer = say(tcp(flags))
    expect(flagsOf(answer)).toEqual(answers)
    expect(peer.sockets()).toHaveLength(flags === '02' ? 1 : 0)
  })

  // RFC 9293, 3.10.7.1: all but a reset are reset, each with what it says counted.
  test.each([
    ['nothing', '00', '00000000 00000064 5014'],
    ['SYN and FIN', '03', '00000000 00000066 5014'],
    ['ACK', '10', '00000000 00000000 5004'],
  ])('%s to a closed port', (_, flags, answer) => {
    const { say } = alone()
    const [reset] = say(tcp(flags, CLOSED))
    expect(Buffer.from(reset?.subarray(38, 48) ?? []).toString('hex')).toBe(answer.replaceAll(' ', ''))
    expect(say(tcp('06', CLOSED))).toEqual([])
    expect(say(tcp('04', CLOSED))).toEqual([])
  })

  test('in a connection: no data without ACK, no SYN with FIN, no reset beside the next number', () => {
    const { say, got, socket } = alone()
    const [answer] = say(tcp('02'))
    const iss = Buffer.from(answer?.subarray(38, 42) ?? []).readUInt32BE()
    const ack = (iss + 1).toString(16).padStart(8, '0')
    const next = `00 00 00 65 ${ack}`
    say(tcp('10', { numbers: next }))
    expect(socket()?.state).toBe('established')
    expect(say(tcp('00', { numbers: next, rest: '41' }))).toEqual([])
    expect(say(tcp('08', { numbers: next, rest: '41' }))).toEqual([])
    expect(say(tcp('03', { numbers: next, rest: '41' }))).toEqual([])
    expect(say(v4(segment('18', { numbers: next, rest: '41' }), { protocol: 6, damage: 1 }))).toEqual([])
    // RFC 5961, 3.2 and 4.2: a reset beside the next number, or a SYN, is asked to prove itself.
    expect(flagsOf(say(tcp('04', { numbers: `00 00 00 66 ${ack}` })))).toEqual(['10'])
    expect(say(tcp('02', { numbers: next }))).toEqual([])
    expect([socket()?.state, got]).toEqual(['established', []])
    say(tcp('18', { numbers: next, rest: '41' }))
    expect(got).toEqual([0x41])
    say(tcp('04', { numbers: `00 00 00 66 ${ack}` }))
    expect(socket()?.state).toBe('closed')
  })

  // RFC 9293, 3.1, MUST-7: illegal lengths of options are survived; what they hide says nothing.
  test.each([
    ['a length of 0', '02 00 05 b4'],
    ['a length of 1', '02 01 05 b4'],
    ['a length beyond the header', '02 05 05 b4'],
    ['a kind without length', '01 01 01 02'],
    ['another length than the kind has', '02 03 05 00'],
    ['an MSS of 0', '02 04 00 00'],
  ])('SYN with %s among its options opens with defaults', (_, options) => {
    const { say } = alone()
    const answer = say(tcp('02', { offset: '60', rest: options }))
    expect(flagsOf(answer)).toEqual(['12'])
  })

  test.each([
    ['a header shorter than 20 bytes', '40'],
    ['a header longer than the segment', 'f0'],
  ])('%s is dropped', (_, offset) => {
    const { say } = alone()
    expect(say(tcp('02', { offset }))).toEqual([])
    expect(say(tcp('10', { offset, ...CLOSED }))).toEqual([])
  })

  test('a SYN with a wrong checksum, to a group, or from a group or ourselves is dropped', () => {
    const { say, peer } = alone()
    const syn = segment('02')
    for (const more of [
      { damage: 1 },
      { to: ALL },
      { to: ALL, destination: '0a 00 00 ff' },
      { destination: '0a 00 00 ff' },
      { destination: 'e0 00 00 01' },
      { source: US_4 },
      { source: '0a 00 00 ff' },
      { source: 'ff ff ff ff' },
      { source: 'e0 00 00 01' },
      { source: '7f 00 00 01' },
      { source: '00 00 00 00' },
      { source: '00 00 00 05' },
    ])
      expect({ more, sent: say(v4(syn, { protocol: 6, ...more })) }).toEqual({ more, sent: [] })
    for (const more of [
      { damage: 1 },
      { to: '33 33 00 00 00 01', destination: ALL_NODES },
      { source: US_6 },
      { source: ALL_NODES },
      { source: NOBODY_6 },
      { source: '00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01' },
    ])
      expect({ more, sent: say(v6(syn, { protocol: 6, ...more })) }).toEqual({ more, sent: [] })
    expect(peer.sockets()).toEqual([])
  })
})

describe('IPv4', () => {
  test.each([
    ['another version', (bytes: Uint8Array) => void (bytes[14] = 0x65)],
    ['a header of 16 bytes', (bytes: Uint8Array) => void (bytes[14] = 0x44)],
    ['a length beyond the frame', (bytes: Uint8Array) => put(bytes, 16, 31)],
    ['a length below the header', (bytes: Uint8Array) => put(bytes, 16, 19)],
  ])('%s is dropped', (_, change) => {
    const { say } = alone()
    const frame = ping4()
    change(frame.bytes)
    put(frame.bytes, 24, 0)
    put(frame.bytes, 24, checksum(frame.bytes.subarray(14, 34)))
    expect(say(frame)).toEqual([])
  })

  test('options are passed over; a source route is dropped, one that is cut short is told', () => {
    const { say } = alone()
    expect(icmpOf(say(ping4({ between: '94 04 00 00' })))).toEqual(ANSWER_4) // router alert
    expect(icmpOf(say(ping4({ between: '01 07 07 04 00 00 00 00' })))).toEqual(ANSWER_4) // record route
    expect(icmpOf(say(ping4({ between: '00 83 00 00' })))).toEqual(ANSWER_4) // behind the end
    expect(say(ping4({ between: '83 07 04 0a 00 00 05 00' }))).toEqual([]) // loose source route, RFC 7126, 4.3
    expect(say(ping4({ between: '01 89 07 04 0a 00 00 05' }))).toEqual([]) // strict
    // RFC 792: parameter problem, the pointer in the first byte. The option is at byte 20, 21, 23 of the header.
    expect(icmpOf(say(ping4({ between: '44 01 00 00' })))).toEqual(['12/0 14000000'])
    expect(icmpOf(say(ping4({ between: '01 44 04 00' })))).toEqual(['12/0 15000000'])
    expect(icmpOf(say(ping4({ between: '01 01 01 44' })))).toEqual(['12/0 17000000'])
    expect(say(ping4({ between: '44 01 00 00', to: ALL, destination: '0a 00 00 ff' }))).toEqual([])
    expect(say(v4('03 01 00 00 00 00 00 00', { protocol: 1, between: '44 01 00 00' }))).toEqual([])
  })

  test('a protocol that nobody speaks is told, but to one that sent to one only', () => {
    const { say } = alone()
    const [answer] = say(v4('01 02 03 04 05 06 07 08 09', { protocol: 132 }))
    // RFC 1122, 3.2.2.1. What goes back: the header and eight bytes.
    expect(answer?.subarray(34, 36)).toEqual(hex('03 02'))
    expect(answer?.subarray(42)).toEqual(v4('01 02 03 04 05 06 07 08 09', { protocol: 132 }).bytes.subarray(14, 42))
    expect(say(v4('01', { protocol: 132, to: ALL, destination: '0a 00 00 ff' }))).toEqual([])
    expect(say(v4('16 00 00 00 e0 00 00 fb', { protocol: 2, destination: 'e0 00 00 fb' }))).toEqual([])
    expect(say(v4('01', { protocol: 132, source: US_4 }))).toEqual([])
  })

  test('what was sent to all stations was not meant for one (RFC 1122, 3.3.6)', () => {
    const { say } = alone()
    expect(say(ping4({ to: ALL }))).toEqual([])
    expect(say(ping4({ to: '01 00 5e 00 00 01' }))).toEqual([])
    expect(icmpOf(say(ping4({ to: ALL, destination: '0a 00 00 ff' })))).toEqual(ANSWER_4)
  })

  test('who has no address yet is heard by UDP to all, and answered by none', () => {
    const { peer, say } = alone()
    const heard: string[] = []
    peer.udp(67, ({ address }) => void heard.push(address))
    const discover = '00 44 00 43 00 08 00 00'
    expect(say(v4(discover, { protocol: 17, to: ALL, source: '00 00 00 00', destination: 'ff ff ff ff' }))).toEqual([])
    expect(say(v4(discover, { protocol: 17, source: '00 00 00 00' }))).toEqual([])
    expect(say(ping4({ source: '00 00 00 00' }))).toEqual([])
    expect(heard).toEqual(['0.0.0.0'])
  })

  test('UDP of a wrong length or checksum is dropped', () => {
    const { peer, say } = alone()
    let heard = 0
    peer.udp(67, () => void heard++)
    for (const length of ['00 07', '00 0a', '00 00'])
      expect(say(v4(`00 44 00 43 ${length} 00 00 41`, { protocol: 17 }))).toEqual([])
    expect(say(v4('00 44 00 43 00 09 00 00 41', { protocol: 17, damage: 1 }))).toEqual([])
    expect(heard).toBe(0)
    say(v4('00 44 00 43 00 09 00 00 41', { protocol: 17 }))
    expect(heard).toBe(1)
  })
})

describe('ARP', () => {
  const arp = (operation: string, theirs: string, sender: string, target = US_4, kind = '00 01 08 00 06 04') =>
    `${ALL} ${THEM} 08 06 ${kind} ${operation} ${theirs} ${sender} 00 00 00 00 00 00 ${target}`
  const NEW = '02 00 00 00 00 03'
  test.each([
    ['a reply that nobody asked for, to another', arp('00 02', NEW, '0a 00 00 03', '0a 00 00 09')],
    ['another operation', arp('00 03', NEW, '0a 00 00 03')],
    ['no operation', arp('00 00', NEW, '0a 00 00 03')],
    ['another hardware', arp('00 01', NEW, '0a 00 00 03', US_4, '00 06 08 00 06 04')],
    ['another protocol', arp('00 01', NEW, '0a 00 00 03', US_4, '00 01 86 dd 06 04')],
    ['another address length', arp('00 01', NEW, '0a 00 00 03', US_4, '00 01 08 00 08 04')],
    ['a sender with a group’s address', arp('00 01', '03 00 00 00 00 03', '0a 00 00 03')],
    ['a sender without', arp('00 01', '00 00 00 00 00 00', '0a 00 00 03')],
    ['a sender with ours', arp('00 01', US, '0a 00 00 03')],
    ['our own address as the sender’s', arp('00 01', NEW, US_4)],
    ['a sender that is all', arp('00 01', NEW, '0a 00 00 ff')],
    ['a sender that is a group', arp('00 01', NEW, 'e0 00 00 01')],
    ['a sender that is a loopback', arp('00 01', NEW, '7f 00 00 01')],
  ])('%s: no answer, nothing learned', (_, frame) => {
    const { hear, peer } = alone()
    const before = peer.save().neighbours
    expect(hear(frame)).toEqual([])
    expect(hear(frame).slice(0, 20)).toEqual([])
    expect(peer.save().neighbours).toEqual(before)
  })

  test('a probe is answered and not learned from (RFC 5227, 2.1.1)', () => {
    const { hear, peer } = alone()
    const before = peer.save().neighbours.length
    expect(hear(arp('00 01', NEW, '00 00 00 00'))).toEqual([
      hex(`${NEW} ${US} 08 06 00 01 08 00 06 04 00 02 ${US} ${US_4} ${NEW} 00 00 00 00`),
    ])
    expect(peer.save().neighbours).toHaveLength(before)
  })
})

describe('neighbour discovery', () => {
  const TARGET = US_6
  const NEW = '02 00 00 00 00 03'
  const NEW_6 = 'fe 80 00 00 00 00 00 00 00 00 00 ff fe 00 00 03'
  const message = (body: string, more: Partial<Fields> = {}): Frame => v6(body, { protocol: 58, hops: 255, ...more })
  const ask = (options: string, more: Partial<Fields> = {}, head = '87 00 00 00 00 00 00 00', target = TARGET): Frame =>
    message(`${head} ${target} ${options}`, { source: NEW_6, ...more })
  const OPTION = `01 01 ${NEW}`

  // RFC 4861, 7.1.1.
  test.each([
    ['a hop limit of 254', ask(OPTION, { hops: 254 })],
    ['a wrong checksum', ask(OPTION, { damage: 1 })],
    ['code 1', ask(OPTION, {}, '87 01 00 00 00 00 00 00')],
    ['23 bytes', message(`87 00 00 00 00 00 00 00 ${TARGET.slice(0, -3)}`, { source: NEW_6 })],
    ['a group as target', ask(OPTION, {}, undefined, OUR_GROUP)],
    ['an option of length 0', ask(`${OPTION} 05 00 00 00 00 00 00 00`)],
    ['an option that is cut short', ask(`${OPTION} 05 02 00 00 00 00 00 00`)],
    ['half an option', ask(`${OPTION} 05 01 00 00`)],
    ['no sender, and our address as destination', ask('', { source: NOBODY_6 })],
    ['no sender, and an address of it', ask(OPTION, { source: NOBODY_6, destination: OUR_GROUP })],
    ['a group as sender', ask(OPTION, { source: ALL_NODES })],
    ['a fragment of its own', ask(OPTION, { next: 44, between: '3a 00 00 00 00 00 00 01' })], // RFC 6980
  ])('a solicitation with %s is dropped', (_, frame) => {
    const { say, peer } = alone()
    const before = peer.save().neighbours
    expect(say(frame)).toEqual([])
    expect(peer.save().neighbours).toEqual(before)
  })

  test('one that is right is answered; asking for a duplicate, to all nodes', () => {
    const { say } = alone()
    expect(say(ask(OPTION))[0]?.subarray(0, 6)).toEqual(hex(NEW))
    const [answer] = say(ask('', { source: NOBODY_6, destination: OUR_GROUP, to: '33 33 ff 00 00 01' }))
    expect(answer?.subarray(0, 6)).toEqual(hex('33 33 00 00 00 01'))
    expect(answer?.subarray(38, 54)).toEqual(hex(ALL_NODES))
    expect(answer?.subarray(54, 55)).toEqual(hex('88'))
    expect(answer?.subarray(58, 62)).toEqual(hex('20 00 00 00')) // not solicited, override
  })

  test('an address of another length, of a group or of ours is none', () => {
    for (const option of [`01 02 ${NEW} 00 00 00 00 00 00 00 00`, '01 01 03 00 00 00 00 03', `01 01 ${US}`]) {
      const { say, peer } = alone()
      const before = peer.save().neighbours.length
      expect(say(ask(option))).not.toEqual([])
      expect(peer.save().neighbours.filter(({ mac }) => mac >= 0)).toHaveLength(before)
    }
  })

  const macOf = (peer: ReturnType<typeof alone>['peer'], last: number): number | undefined =>
    peer.save().neighbours.find(({ address }) => address.length === 16 && address[15] === last)?.mac
  /** S 40, O 20. */
  const tell = (flags: string, option: string, more: Partial<Fields> = {}, target = THEM_6, code = '00'): Frame =>
    message(`88 ${code} 00 00 ${flags} 00 00 00 ${target} ${option}`, more)

  // RFC 4861, 7.1.2 and 7.2.5.
  test.each([
    ['a hop limit of 254', tell('60', `02 01 ${NEW}`, { hops: 254 })],
    ['a wrong checksum', tell('60', `02 01 ${NEW}`, { damage: 1 })],
    ['code 1', tell('60', `02 01 ${NEW}`, {}, THEM_6, '01')],
    ['a group as target', tell('60', `02 01 ${NEW}`, {}, ALL_NODES)],
    ['the solicited flag, to a group', tell('60', `02 01 ${NEW}`, { to: '33 33 00 00 00 01', destination: ALL_NODES })],
    ['an option of length 0', tell('60', `02 01 ${NEW} 05 00 00 00 00 00 00 00`)],
    ['no sender', tell('20', `02 01 ${NEW}`, { source: NOBODY_6 })],
    ['no override', tell('40', `02 01 ${NEW}`)],
    ['a group’s address', tell('60', '02 01 03 00 00 00 00 03')],
    ['the address of a sender', tell('60', `01 01 ${NEW}`)],
    ['a target that nobody asked for', tell('60', `02 01 ${NEW}`, {}, NEW_6)],
  ])('an advertisement with %s changes no address', (_, frame) => {
    const { say, peer } = alone()
    expect(say(frame)).toEqual([])
    expect([macOf(peer, 2), macOf(peer, 3)]).toEqual([0x020000000002, undefined])
  })

  test('an advertisement with override does; one without address answers no question', () => {
    const { say, peer } = alone()
    say(tell('60', `02 01 ${NEW}`))
    expect(macOf(peer, 2)).toBe(0x020000000003)
    peer.ping('fe80::ff:fe00:3')
    expect(macOf(peer, 3)).toBe(-1)
    say(tell('60', '', {}, NEW_6))
    expect(macOf(peer, 3)).toBe(-1)
    const sent = say(tell('60', `02 01 ${NEW}`, {}, NEW_6))
    expect(sent.filter((bytes) => bytes[54] === 0x80)).toHaveLength(1) // the ping that waited
    expect(macOf(peer, 3)).toBe(0x020000000003)
  })
})

describe('IPv6 extension headers', () => {
  const behind = (next: number, between: string, more: Partial<Fields> = {}): Frame => ping6({ next, between, ...more })
  const GROUP = { to: '33 33 00 00 00 01', destination: ALL_NODES }
  // Next header 3a is ICMPv6, 00 hop-by-hop, 3c destination options, 2b routing, 2c fragment, 3b none.
  test.each([
    ['hop-by-hop, padded', behind(0, '3a 00 01 04 00 00 00 00'), ANSWER_6],
    ['hop-by-hop with a router alert', behind(0, '3a 00 05 02 00 00 01 00'), ANSWER_6],
    ['destination options twice', behind(60, '3c 00 01 04 00 00 00 00 3a 00 00 00 00 00 00 00'), ANSWER_6],
    ['a routing header of type 0 that is done', behind(43, '3a 00 00 00 00 00 00 00'), ANSWER_6],
    ['one of a type that nobody knows, done', behind(43, '3a 00 fd 00 00 00 00 00'), ANSWER_6],
    // RFC 8200, 4.4, and RFC 5095: the pointer leads to the routing type, byte 42 of the packet (2a).
    ['a routing header of type 0 with a segment left', behind(43, '3a 00 00 01 00 00 00 00'), ['4/0 0000002a']],
    ['a routing header of type 4 with 255 left', behind(43, '3a 00 04 ff 00 00 00 00'), ['4/0 0000002a']],
    ['one behind hop-by-hop', behind(0, '2b 00 01 04 00 00 00 00 3a 00 00 01 00 00 00 00'), ['4/0 00000032']],
    // RFC 8200, 4 and 4.3: hop-by-hop elsewhere than first is not known. The pointer leads to who names it.
    [
      'hop-by-hop behind destination options',
      behind(60, '00 00 01 04 00 00 00 00 3a 00 01 04 00 00 00 00'),
      ['4/1 00000028'],
    ],
    ['hop-by-hop twice', behind(0, '00 00 01 04 00 00 00 00 3a 00 01 04 00 00 00 00'), ['4/1 00000028']],
    ['ICMP of IPv4', behind(1, ''), ['4/1 00000006']],
    ['a protocol that nobody speaks', behind(132, ''), ['4/1 00000006']],
    ['the same, to a group', behind(132, '', GROUP), []],
    ['no next header', behind(59, ''), []],
    // RFC 8200, 4.2: options that nobody knows, by the two highest bits of their types.
    ['an option to be passed over', behind(60, '3a 00 1e 04 00 00 00 00'), ANSWER_6],
    ['an option to be dropped for', behind(60, '3a 00 5e 04 00 00 00 00'), []],
    ['an option to be told of', behind(60, '3a 00 9e 04 00 00 00 00'), ['4/2 0000002a']],
    ['the same, to a group', behind(60, '3a 00 9e 04 00 00 00 00', GROUP), ['4/2 0000002a']],
    ['an option to be told of to one', behind(60, '3a 00 00 de 03 00 00 00'), ['4/2 0000002b']],
    ['the same, to a group', behind(60, '3a 00 00 de 03 00 00 00', GROUP), []],
    ['an option that is cut short', behind(60, '3a 00 1e 05 00 00 00 00'), []],
    ['an option without length', behind(60, '3a 00 01 03 00 00 00 1e'), []],
    ['headers beyond the packet', behind(60, '3a 09 01 04 00 00 00 00'), []],
    // RFC 8200, 4.5: what is not a multiple of eight (payload length, byte 4), and what ends beyond 64 KiB (byte 42).
    ['a first fragment of ten bytes', behind(44, '3a 00 00 01 00 00 00 01'), ['4/0 00000004']],
    ['a fragment that ends beyond 64 KiB', behind(44, '3a 00 ff f8 00 00 00 01'), ['4/0 0000002a']],
    ['the only fragment', behind(44, '3a 00 00 00 00 00 00 01'), ANSWER_6],
    [
      'the only fragment, with hop-by-hop in it',
      behind(44, '00 00 00 00 00 00 00 01 3a 00 01 04 00 00 00 00'),
      ['4/1 00000028'],
    ],
    ['from nobody', behind(132, '', { source: NOBODY_6 }), []],
  ])('%s', (_, frame, answers) => {
    const { say } = alone()
    expect(icmpOf(say(frame))).toEqual(answers)
  })

  test('a first fragment without the whole transport header is told of (RFC 8200, 4.5)', () => {
    const { say } = alone()
    const cut = v6('30 39 00 50 00 00 00 64', { protocol: 0, next: 44, between: '06 00 00 01 00 00 00 01' })
    expect(icmpOf(say(cut))).toEqual(['4/3 00000000'])
  })

  test('destination options in a datagram that was put together are passed over', () => {
    const { say } = alone()
    // 3c: destination options (8 bytes), then the echo request with its checksum, cut after 16 bytes.
    const whole = ping6().bytes.subarray(54)
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
    const fragment = (flags: string, body: string): Frame =>
      v6(body, { protocol: 0, next: 44, between: `3c 00 ${flags} 00 00 00 09` })
    expect(say(fragment('00 01', `3a 00 01 04 00 00 00 00 ${text(whole.subarray(0, 8))}`))).toEqual([])
    expect(icmpOf(say(fragment('00 10', text(whole.subarray(8)))))).toEqual(ANSWER_6)
  })

  test('an error answers no error, and quotes what fits in 1280 bytes', () => {
    const { say } = alone()
    const frame = v6('00'.repeat(1400), { protocol: 132 })
    const [answer] = say(frame)
    expect(answer?.length).toBe(14 + 1280)
    expect(answer?.subarray(62)).toEqual(frame.bytes.subarray(14, 14 + 1232))
    const unreachable = v6('01 04 00 00 00 00 00 00', { protocol: 58 })
    expect(say(unreachable)).toEqual([])
    // An error in the only fragment of its datagram, cut so that it is wrong.
    expect(
      say(v6('01 04 00 00 00 00 00 00 00', { protocol: 58, next: 44, between: '3a 00 00 01 00 00 00 01' })),
    ).toEqual([])
  })

  test('groups that end inside their host are dropped (RFC 4291, 2.7)', () => {
    const { say } = alone()
    const to = '33 33 00 00 00 01'
    for (const scope of ['00', '01'])
      expect(say(ping6({ to, destination: `ff ${scope} ${ALL_NODES.slice(6)}` }))).toEqual([])
    expect(icmpOf(say(ping6({ to, destination: ALL_NODES })))).toEqual(ANSWER_6)
  })
})
