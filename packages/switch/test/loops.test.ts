import { describe, expect, test } from 'vitest'
import { TICKS_PER_MS, TICKS_PER_SECOND } from '@vmbus/world'
import { createSwitch, type Port } from '@vmbus/switch'
import { createPeer, type Peer } from '@vmbus/switch/peer'
import { pair } from './pair.ts'
import { hex, testWorld, type TestWorld } from './world.ts'

/** What one run of the timers may hand over at one time, with room: 4096 frames per switch or peer. */
const BOUND = 20_000
const BROADCAST = hex('ffffffffffff 020000000005 88b5 00')

/** What comes until a run of the timers ends and time has gone on by 3 ms. */
const meanwhile = (world: TestWorld, frames: () => number): number => {
  world.timers.run(world.clock.now())
  expect(frames()).toBeLessThan(BOUND)
  world.runTo(world.clock.now() + 3 * TICKS_PER_MS)
  return frames()
}

const switchOf = (world: TestWorld, name: string) => {
  const one = createSwitch({
    ...world.deps,
    timers: {
      set: (key, at) => world.timers.set(`${name}/${key}`, at),
      clear: (key) => world.timers.clear(`${name}/${key}`),
    },
  })
  world.owners.set(name, (key) => one.timer(key))
  return one
}

describe('who answers at once does not hold time still', () => {
  test('two ports that send on what they get', () => {
    const world = testWorld()
    const one = switchOf(world, 'one')
    let frames = 0
    const ports: Port[] = ['x', 'y'].map((name, n) =>
      one.connect({ name, receive: ({ bytes }) => (frames++, ports[1 - n]?.send({ bytes: bytes.slice() })) }),
    )
    one.connect({ name: 'z', receive: () => undefined }).send({ bytes: BROADCAST })
    expect(frames).toBeGreaterThan(1000)
    expect(meanwhile(world, () => frames)).toBeLessThan(5 * BOUND)
  })

  test('an owner that answers from a timer of its own, set to now', () => {
    const world = testWorld()
    const one = switchOf(world, 'one')
    let frames = 0
    const port = one.connect({
      name: 'x',
      receive: () => (frames++, world.timers.set('owner/answer', world.clock.now())),
    })
    const other = one.connect({ name: 'y', receive: () => port.send({ bytes: BROADCAST }) })
    world.owners.set('owner', () => other.send({ bytes: BROADCAST }))
    other.send({ bytes: BROADCAST })
    expect(meanwhile(world, () => frames)).toBeLessThan(5 * BOUND)
  })

  test('two switches that are joined twice', () => {
    const world = testWorld()
    const [one, two] = [switchOf(world, 'one'), switchOf(world, 'two')]
    let frames = 0
    for (const name of ['left', 'right']) {
      const up: Port = one.connect({ name, receive: (frame) => (frames++, down.send(frame)) })
      const down: Port = two.connect({ name, receive: (frame) => (frames++, up.send(frame)) })
    }
    one.connect({ name: 'z', receive: () => undefined }).send({ bytes: BROADCAST })
    expect(frames).toBeGreaterThan(1000)
    expect(meanwhile(world, () => frames)).toBeLessThan(5 * BOUND)
  })

  test('two echo services that talk to each other, over a switch', () => {
    const { a, b, world, lan } = pair()
    let frames = 0
    lan.capture(() => void frames++)
    const echoes = [a, b].map((peer) => {
      const echo = peer.udp(7, (from, bytes) => echo.send(from.address, from.port, bytes))
      return echo
    })
    echoes[0]?.send('10.0.0.2', 7, hex('01'))
    expect(frames).toBeGreaterThan(1000)
    expect(meanwhile(world, () => frames)).toBeLessThan(5 * BOUND)
  })

  const backToBack = (world: TestWorld, sent: () => void): Peer[] => {
    const peers: Peer[] = ['a', 'b'].map((name, n) => {
      const peer = createPeer({
        clock: world.clock,
        seed: world.seed,
        timers: {
          set: (key, at) => world.timers.set(`${name}/${key}`, at),
          clear: (key) => world.timers.clear(`${name}/${key}`),
        },
        mac: `02:00:00:00:00:0${n + 1}`,
        ipv4: `10.0.0.${n + 1}/24`,
        send: (frame) => (sent(), peers[1 - n]?.receive(frame)),
      })
      world.owners.set(name, (key) => peer.timer(key))
      return peer
    })
    return peers
  }
  test('two echo services, back to back; saved and restored in the middle', () => {
    const play = (restored: boolean): unknown => {
      const world = testWorld()
      let frames = 0
      const build = (): { peers: Peer[]; talk: () => void } => {
        const peers = backToBack(world, () => void frames++)
        const sockets = peers.map((peer) => {
          const echo = peer.udp(7, (from, bytes) => echo.send(from.address, from.port, bytes))
          return echo
        })
        return { peers, talk: () => sockets[0]?.send('10.0.0.2', 7, hex('01')) }
      }
      let { peers, talk } = build()
      talk()
      expect(frames).toBeGreaterThan(1000)
      if (restored) {
        const saved = peers.map((peer) => structuredClone(peer.save()))
        ;({ peers, talk } = build())
        peers.forEach((peer, n) => peer.restore(saved[n] ?? peer.save(), () => ({})))
      }
      expect(meanwhile(world, () => frames)).toBeLessThan(5 * BOUND)
      return [frames, peers.map((peer) => peer.save())]
    }
    expect(play(true)).toEqual(play(false))
  })

  test('owners of sockets that write as soon as they read', () => {
    const { a, b, world, lan } = pair()
    let frames = 0
    lan.capture(() => void frames++)
    b.listen(80, { data: (socket, bytes) => socket.write(bytes) })
    const sockets = [0, 1].map((n) =>
      a.connect(
        { address: '10.0.0.2', port: 80 },
        { opened: (socket) => socket.write(hex('01')), data: (_, bytes) => void sockets[1 - n]?.write(bytes) },
      ),
    )
    expect(meanwhile(world, () => frames)).toBeLessThan(5 * BOUND)
  })

  test('an owner that opens and aborts again as soon as its socket is closed', () => {
    const { a, world } = pair()
    let opened = 0
    const open = (): void => {
      opened++
      a.connect({ address: '10.0.0.2', port: 81 }, { closed: open }).abort()
    }
    open()
    expect(meanwhile(world, () => opened)).toBeLessThan(5 * BOUND)
  })
})

/** RFC 9293, 3.5, figure 7: both SYNs cross; whoever gets SYN and ACK for its own has a connection. */
describe('simultaneous open', () => {
  const ports = (() => {
    const draft = pair()
    return [
      draft.a.connect({ address: '10.0.0.2', port: 1 }, {}).local.port,
      draft.b.connect({ address: '10.0.0.1', port: 1 }, {}).local.port,
    ] as const
  })()

  test.each([
    [0, 0],
    [10_000, 0],
    [10_000, 10],
    [10_000, 9_000],
    [50_000, 0],
  ])('over a link of %d, the second SYN %d later: both open, and carry bytes both ways', (delay, later) => {
    const { a, b, world, lan } = pair({ link: { delay } })
    a.ping('10.0.0.2') // each knows the other's address, so that the SYNs cross
    world.runTo(TICKS_PER_SECOND)
    let segments = 0
    lan.capture(({ bytes, direction }) => {
      if (bytes[23] === 6 && direction === 'inbound') segments++
    })
    const log: string[] = []
    const handlers = (name: string) => ({
      opened: () => void log.push(`${name} opened`),
      data: (_: unknown, bytes: Uint8Array) => void log.push(`${name} got ${bytes.length}`),
    })
    const one = a.connect({ address: '10.0.0.2', port: ports[1] }, handlers('a'))
    if (later > 0) world.runTo(TICKS_PER_SECOND + later)
    const other = b.connect({ address: '10.0.0.1', port: ports[0] }, handlers('b'))
    world.runTo(2 * TICKS_PER_SECOND)
    expect([one.state, other.state]).toEqual(['established', 'established'])
    expect(segments).toBeLessThan(10)
    one.write(new Uint8Array(3))
    other.write(new Uint8Array(5))
    world.runTo(3 * TICKS_PER_SECOND)
    expect(log.toSorted()).toEqual(['a got 5', 'a opened', 'b got 3', 'b opened'])
  })
})
