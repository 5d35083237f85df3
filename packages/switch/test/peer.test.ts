import { describe, expect, test } from 'vitest'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { createPeer, type Peer, type PeerOptions } from '@vmbus/switch/peer'
import { pair, pattern } from './pair.ts'
import { hex, testWorld } from './world.ts'

/** One peer, 02:00:00:00:00:01 at 10.0.0.1, and the frames that it sends. */
function alone(more: Partial<PeerOptions> = {}): {
  peer: Peer
  sent: Uint8Array[]
  say: (text: string) => Uint8Array[]
} {
  const world = testWorld()
  const sent: Uint8Array[] = []
  const peer = createPeer({
    clock: world.clock,
    timers: world.timers,
    seed: world.seed,
    mac: '02:00:00:00:00:01',
    ipv4: '10.0.0.1/24',
    send: ({ bytes }) => sent.push(bytes),
    ...more,
  })
  return { peer, sent, say: (text) => (peer.receive({ bytes: hex(text) }), sent.splice(0)) }
}

const US = '02 00 00 00 00 01'
const THEM = '02 00 00 00 00 02'

describe('byte vectors', () => {
  test('ARP: asked, and asking everybody with a gratuitous request', () => {
    const { peer, sent, say } = alone()
    expect(
      say(
        `ff ff ff ff ff ff ${THEM} 08 06  00 01 08 00 06 04 00 01  ${THEM} 0a 00 00 02  00 00 00 00 00 00 0a 00 00 01`,
      ),
    ).toEqual([hex(`${THEM} ${US} 08 06  00 01 08 00 06 04 00 02  ${US} 0a 00 00 01  ${THEM} 0a 00 00 02`)])
    peer.announce()
    expect(sent[0]).toEqual(
      hex(`ff ff ff ff ff ff ${US} 08 06  00 01 08 00 06 04 00 01  ${US} 0a 00 00 01  00 00 00 00 00 00 0a 00 00 01`),
    )
  })

  test('further addresses are ours, too: ARP tells them, and none of them is the source of what we begin', () => {
    const { peer, say } = alone({ more: ['10.0.0.3/24', '192.168.7.1/24', 'fd00::3/64'] })
    expect(peer.addresses).toEqual(['10.0.0.1', '10.0.0.3', '192.168.7.1', 'fd00::3', 'fe80::ff:fe00:1'])
    const ask = (last: string): string =>
      `ff ff ff ff ff ff ${THEM} 08 06  00 01 08 00 06 04 00 01  ${THEM} 0a 00 00 02  00 00 00 00 00 00 ${last}`
    expect(say(ask('0a 00 00 03'))).toEqual([
      hex(`${THEM} ${US} 08 06  00 01 08 00 06 04 00 02  ${US} 0a 00 00 03  ${THEM} 0a 00 00 02`),
    ])
    expect(say(ask('0a 00 00 04'))).toEqual([])
    // 192.168.7.9 is on the link by the third address; who asks for it is the first.
    peer.ping('192.168.7.9')
    expect(say('')).toEqual([
      hex(`ff ff ff ff ff ff ${US} 08 06  00 01 08 00 06 04 00 01  ${US} 0a 00 00 01  00 00 00 00 00 00 c0 a8 07 09`),
    ])
    for (const address of ['224.0.0.1/4', '0.0.0.0/0', 'no/24', '10.0.0.3'])
      expect(() => alone({ more: [address] })).toThrow(expect.objectContaining({ code: 'VMBUS_PEER_OPTION' }))
    expect(() => alone({ more: ['fd00::3/64'], mtu: 1279 })).toThrow(
      expect.objectContaining({ code: 'VMBUS_PEER_OPTION' }),
    )
  })

  // Checksums by an independent sum (Python's struct module).
  const ARP_FROM_THEM = `${US} ${THEM} 08 06  00 01 08 00 06 04 00 01  ${THEM} 0a 00 00 02  ${US} 0a 00 00 01`
  const REQUEST = (icmp: string): string =>
    `${US} ${THEM} 08 00  45 00 00 1e 12 34 40 00 40 01 14 a9 0a 00 00 02 0a 00 00 01  08 00 ${icmp} 00 07 00 09 61 62`
  test('ICMP echo: answered, with id, sequence and payload; not when damaged', () => {
    const { say } = alone()
    say(ARP_FROM_THEM)
    expect(say(REQUEST('96 8d'))).toEqual([
      hex(
        `${THEM} ${US} 08 00  45 00 00 1e 00 01 40 00 40 01 26 dc 0a 00 00 01 0a 00 00 02  00 00 9e 8d 00 07 00 09 61 62`,
      ),
    ])
    expect(say(REQUEST('96 8c'))).toEqual([])
    expect(say(REQUEST('96 8d').replace('14 a9', '14 a8'))).toEqual([])
  })

  test('ICMP echo goes without DF if it shall', () => {
    const { say } = alone({ echoMayFragment: true })
    say(ARP_FROM_THEM)
    expect(say(REQUEST('96 8d'))).toEqual([
      hex(
        `${THEM} ${US} 08 00  45 00 00 1e 00 01 00 00 40 01 66 dc 0a 00 00 01 0a 00 00 02  00 00 9e 8d 00 07 00 09 61 62`,
      ),
    ])
  })

  test('TCP: a SYN to a closed port is reset', () => {
    const { say } = alone()
    say(ARP_FROM_THEM)
    const [reset] = say(
      `${US} ${THEM} 08 00  45 00 00 28 00 00 40 00 40 06 26 ce 0a 00 00 02 0a 00 00 01  30 39 00 50 00 00 00 64 00 00 00 00 50 02 10 00 5a f3 00 00`,
    )
    // Sequence 0, acknowledging 0x65, flags RST ACK.
    expect(reset?.subarray(34, 48)).toEqual(hex('00 50 30 39 00 00 00 00 00 00 00 65 50 14'))
  })

  test('IPv6: a solicitation for our link-local address is answered', () => {
    const { say, peer } = alone()
    expect(peer.addresses).toEqual(['10.0.0.1', 'fe80::ff:fe00:1'])
    const [answer] = say(`33 33 ff 00 00 01 ${THEM} 86 dd  60 00 00 00 00 20 3a ff
      fe 80 00 00 00 00 00 00 00 00 00 ff fe 00 00 02  ff 02 00 00 00 00 00 00 00 00 00 01 ff 00 00 01
      87 00 7c 97 00 00 00 00  fe 80 00 00 00 00 00 00 00 00 00 ff fe 00 00 01  01 01 ${THEM}`)
    expect(answer).toEqual(
      hex(`${THEM} ${US} 86 dd  60 00 00 00 00 20 3a ff
      fe 80 00 00 00 00 00 00 00 00 00 ff fe 00 00 01  fe 80 00 00 00 00 00 00 00 00 00 ff fe 00 00 02
      88 00 1b 1c 60 00 00 00  fe 80 00 00 00 00 00 00 00 00 00 ff fe 00 00 01  02 01 ${US}`),
    )
  })
})

describe('two peers', () => {
  test.each(['10.0.0.2', 'fd00::2', 'fe80::ff:fe00:2'])(
    'ping %s with payloads of all kinds, also in fragments',
    (address) => {
      const replies: string[] = []
      const { a, world } = pair({
        a: {
          echoed: ({ address: from, sequence, payload }) =>
            replies.push(`${from} ${sequence} ${Buffer.from(payload).toString('latin1')}`),
        },
      })
      const sizes = [0, 1, 55, 1472, 1473, 4000, 65_000]
      sizes.forEach((size, sequence) => a.ping(address, { id: 3, sequence, payload: pattern(size, sequence) }))
      world.runTo(TICKS_PER_SECOND)
      expect(replies).toEqual(
        sizes.map(
          (size, sequence) => `${address} ${sequence} ${Buffer.from(pattern(size, sequence)).toString('latin1')}`,
        ),
      )
    },
  )

  test('UDP both ways, in fragments; a closed port is said to be so', () => {
    const { a, b, lan } = pair()
    const got: [string, number, number][] = []
    const echo = b.udp(7, (from, bytes) => echo.send(from.address, from.port, bytes))
    const socket = a.udp(5000, (from, bytes) => got.push([from.address, from.port, bytes.length]))
    socket.send('10.0.0.2', 7, new Uint8Array(0))
    socket.send('10.0.0.2', 7, pattern(5000, 1))
    socket.send('fd00::2', 7, pattern(5000, 1))
    expect(got).toEqual([
      ['10.0.0.2', 7, 0],
      ['10.0.0.2', 7, 5000],
      ['fd00::2', 7, 5000],
    ])
    expect(() => socket.send('10.0.0.2', 7, new Uint8Array(65_508))).toThrow(
      expect.objectContaining({ code: 'VMBUS_PEER_OPTION' }),
    )
    expect(() => a.udp(5000, () => undefined)).toThrow(expect.objectContaining({ code: 'VMBUS_PEER_IN_USE' }))
    const unreachable: Uint8Array[] = []
    lan.capture(({ bytes, direction }) => {
      if (direction === 'outbound' && bytes[23] === 1) unreachable.push(bytes.slice(34, 36))
    })
    socket.send('10.0.0.2', 9, new Uint8Array(3))
    expect(unreachable).toEqual([hex('03 03')])
  })

  test('TCP: handshake, both directions, half close, orderly end', () => {
    const log: string[] = []
    const { a, b, world } = pair()
    b.listen(80, {
      opened: (s) => log.push(`b opened ${s.local.port} ${s.remote.address}`),
      data: (s, bytes) => void s.write(bytes.map((byte) => byte ^ 0x20)),
      ended: (s) => {
        s.write(Uint8Array.from([0x21]))
        s.end()
      },
      closed: (_, reason) => log.push(`b ${reason}`),
    })
    const client = a.connect(
      { address: '10.0.0.2', port: 80 },
      {
        opened: (s) => {
          s.write(Uint8Array.from([0x68, 0x69]))
          s.end()
        },
        data: (_, bytes) => log.push(`a data ${String.fromCharCode(...bytes)}`),
        ended: () => log.push('a ended'),
        closed: (_, reason) => log.push(`a ${reason}`),
      },
    )
    world.runTo(TICKS_PER_SECOND)
    expect(log.join(', ').replace('a data HI, a data !', 'a data HI!')).toBe(
      'b opened 80 10.0.0.1, a data HI!, a ended, b closed, a closed'.replace(
        'b closed, a closed',
        log.indexOf('a closed') < log.indexOf('b closed') ? 'a closed, b closed' : 'b closed, a closed',
      ),
    )
    expect(client.state).toBe('time-wait')
    world.runTo(70 * TICKS_PER_SECOND)
    expect([a.sockets(), b.sockets(), client.state]).toEqual([[], [], 'closed'])
    expect(() => client.write(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'VMBUS_PEER_CLOSED' }))
  })

  test('TCP: refused, reset, aborted, nobody there', () => {
    const log: string[] = []
    const { a, b, world } = pair()
    const closed = (name: string) => ({ closed: (_: unknown, reason: string) => void log.push(`${name} ${reason}`) })
    a.connect({ address: '10.0.0.2', port: 81 }, closed('1'))
    b.listen(80, { opened: (s) => s.abort(), ...closed('b') })
    a.connect({ address: '10.0.0.2', port: 80 }, closed('2'))
    a.connect({ address: '10.0.0.9', port: 80 }, closed('3'))
    world.runTo(200 * TICKS_PER_SECOND)
    expect(log.toSorted()).toEqual(['1 refused', '2 reset', '3 timed-out', 'b aborted'])
    expect(a.sockets()).toEqual([])
  })

  test('TCP: a paused reader closes the window, probes go on, and all arrives after resume', () => {
    const { a, b, world } = pair({ a: { tcpBuffer: 16_384 }, b: { tcpBuffer: 16_384 } })
    const sent = pattern(100_000, 1)
    let got = 0
    b.listen(80, {
      opened: (s) => s.pause(),
      data: (_, bytes) => {
        expect(bytes).toEqual(sent.subarray(got, got + bytes.length))
        got += bytes.length
      },
    })
    let at = 0
    const push = (s: { write(bytes: Uint8Array): number; end(): void }): void => {
      at += s.write(sent.subarray(at))
      if (at === sent.length) s.end()
    }
    a.connect({ address: '10.0.0.2', port: 80 }, { opened: push, drained: push })
    world.runTo(600 * TICKS_PER_SECOND)
    expect(got).toBe(0)
    expect(at).toBeLessThanOrEqual(16_384 * 2)
    b.sockets()[0]?.resume()
    world.runTo(800 * TICKS_PER_SECOND)
    expect([got, a.sockets(), b.sockets()]).toEqual([100_000, [], []])
  })

  test('TCP: a megabyte over jumbo frames fills them', () => {
    let largest = 0
    const { a, b, lan, world } = pair({ a: { mtu: 9000 }, b: { mtu: 9000 } })
    lan.capture(({ bytes }) => {
      largest = Math.max(largest, bytes.length)
    })
    let got = 0
    b.listen(80, { data: (_, bytes) => void (got += bytes.length) })
    let at = 0
    const data = pattern(1 << 20, 1)
    const push = (s: { write(bytes: Uint8Array): number; end(): void }): void => {
      at += s.write(data.subarray(at))
      if (at === data.length) s.end()
    }
    a.connect({ address: 'fd00::2', port: 80 }, { opened: push, drained: push })
    world.runUntil(() => got === 1 << 20, 10 * TICKS_PER_SECOND)
    expect(largest).toBe(9014)
  })
})
