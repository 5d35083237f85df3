import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TICKS_PER_MS, TICKS_PER_SECOND } from '@vmbus/world'
import type { LinkOptions } from '@vmbus/switch'
import { createPeer, type TcpHandlers, type TcpSocket } from '@vmbus/switch/peer'
import { pair, pattern, type Pair } from './pair.ts'
import { hex, testWorld } from './world.ts'

const SEED = 20260106
const LIMIT = 3600 * TICKS_PER_SECOND

/** One end's part: sends its bytes, ends, collects what comes. Its state is plain, so that it survives a restore. */
interface Part {
  readonly bytes: Uint8Array
  at: number
  /** What has come; more than `expected` bytes fail at once. */
  readonly got: Uint8Array
  received: number
  log: string[]
}

const handlersOf = (part: Part): TcpHandlers => {
  const push = (socket: TcpSocket): void => {
    if (part.at > part.bytes.length) return
    part.at += socket.write(part.bytes.subarray(part.at))
    if (part.at === part.bytes.length) {
      part.at++
      socket.end()
    }
  }
  return {
    opened: push,
    drained: push,
    data: (_, bytes) => {
      part.got.set(bytes, part.received)
      part.received += bytes.length
    },
    ended: () => void part.log.push('ended'),
    closed: (_, reason) => void part.log.push(reason),
  }
}
const partOf = (length: number, stream: number, expected: number): Part => ({
  bytes: pattern(length, stream),
  at: 0,
  got: new Uint8Array(expected),
  received: 0,
  log: [],
})
/** Cheaper than a matcher on long arrays; the matcher speaks when they differ. */
const expectSame = (got: Part, sent: Part): void => {
  expect(got.received).toBe(sent.bytes.length)
  if (Buffer.compare(got.got, sent.bytes) !== 0) expect(got.got).toEqual(sent.bytes)
}

function transfer({ a, b, world }: Pair, from: Part, to: Part, address: string): void {
  b.listen(80, handlersOf(to))
  a.connect({ address, port: 80 }, handlersOf(from))
  world.runUntil(() => from.log.length === 2 && to.log.length === 2, LIMIT)
}

const link: fc.Arbitrary<LinkOptions> = fc.record({
  loss: fc.constantFrom(0, 0.01, 0.1, 0.2),
  duplicate: fc.constantFrom(0, 0.1, 0.5),
  delay: fc.constantFrom(0, 1, 5 * TICKS_PER_MS, 200 * TICKS_PER_MS),
  jitter: fc.constantFrom(0, TICKS_PER_MS, 20 * TICKS_PER_MS),
  bandwidth: fc.constantFrom(undefined, 1_000_000, 1_000_000_000),
})

describe('transfers over bad links', () => {
  test('arrive intact, both ways at once, and end', () => {
    fc.assert(
      fc.property(
        link,
        fc.nat(40_000),
        fc.nat(40_000),
        fc.constantFrom('10.0.0.2', 'fd00::2'),
        fc.constantFrom(4096, 10_000, 262_144),
        fc.nat(1000),
        (bad, up, down, address, tcpBuffer, seed) => {
          const from = partOf(up, 1, down)
          const to = partOf(down, 2, up)
          transfer(pair({ link: bad, a: { tcpBuffer }, b: { tcpBuffer: 262_144 }, seed }), from, to, address)
          expectSame(to, from)
          expectSame(from, to)
          expect([from.log.toSorted(), to.log.toSorted()]).toEqual([
            ['closed', 'ended'],
            ['closed', 'ended'],
          ])
        },
      ),
      { seed: SEED, numRuns: 60 },
    )
  })

  test('sequence numbers wrap in the middle', () => {
    // The initial sequence number is the seed's; this world's is 20000 short of 2^32.
    const world = testWorld(1)
    const seed = { ...world.seed, u32: () => 0xffff_ffff - 20_000 }
    const from = partOf(100_000, 1, 100_000)
    const to = partOf(100_000, 2, 100_000)
    transfer(
      pair({ world, link: { loss: 0.05, delay: 1000, jitter: 1000 }, a: { seed }, b: { seed } }),
      from,
      to,
      '10.0.0.2',
    )
    expectSame(to, from)
    expectSame(from, to)
  })
})

test('saved and restored at any step, no later byte differs', () => {
  const bad: LinkOptions = { loss: 0.05, duplicate: 0.05, delay: 5000, jitter: 20_000, bandwidth: 10_000_000 }
  const play = (cuts: readonly number[], seed: number): unknown => {
    let wire = 0
    const from = partOf(30_000, 1, 20_000)
    const to = partOf(20_000, 2, 30_000)
    const world = testWorld(seed)
    const build = (): Pair => {
      const made = pair({ world, link: bad })
      made.lan.capture(({ bytes, port, time }) => {
        for (const byte of bytes) wire = (Math.imul(wire, 31) + byte) | 0
        wire = (Math.imul(wire, 31) + port.charCodeAt(0) + time) | 0
      })
      made.b.listen(80, handlersOf(to))
      return made
    }
    let now = build()
    now.a.connect({ address: '10.0.0.2', port: 80 }, handlersOf(from))
    for (let step = 0; from.log.length < 2 || to.log.length < 2; step++) {
      if (cuts.includes(step)) {
        const saved = structuredClone({ lan: now.lan.save(), a: now.a.save(), b: now.b.save() })
        now = build()
        now.lan.restore(saved.lan)
        now.a.restore(saved.a, () => handlersOf(from))
        now.b.restore(saved.b, () => handlersOf(to))
      }
      const at = world.timers.next()
      if (at > LIMIT) throw new Error('stuck')
      world.clock.advanceTo(Math.max(at, world.clock.now()))
      world.timers.run(world.clock.now())
    }
    expectSame(to, from)
    return {
      wire,
      time: world.clock.now(),
      down: from.received,
      lan: now.lan.save().ports.map((port) => port.statistics),
    }
  }
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(150), { minLength: 1, maxLength: 6 }), fc.nat(50), (cuts, seed) => {
      expect(play(cuts, seed)).toEqual(play([], seed))
    }),
    { seed: SEED, numRuns: 25 },
  )
})

describe('hostile frames', () => {
  // A real conversation to mutate: what a says to b, and b's state at that time.
  const conversation = (): Uint8Array[] => {
    const made = pair()
    const frames: Uint8Array[] = []
    made.lan.capture(({ bytes, port, direction }) => {
      if (port === 'a' && direction === 'inbound') frames.push(bytes.slice())
    })
    made.a.ping('10.0.0.2', { payload: pattern(3000, 1) })
    made.a.ping('fd00::2', { payload: pattern(3000, 1) })
    made.a.udp(5, () => undefined).send('10.0.0.2', 7, pattern(3000, 1))
    transfer(made, partOf(5000, 1, 3000), partOf(3000, 2, 5000), '10.0.0.2')
    return frames
  }

  test('mutations and noise: no crash, bounded memory, and the peer still answers', () => {
    const frames = conversation()
    const world = testWorld()
    let sent = 0
    let echoed = 0
    const peer = createPeer({
      clock: world.clock,
      timers: world.timers,
      seed: world.seed,
      mac: '02:00:00:00:00:02',
      ipv4: '10.0.0.2/24',
      ipv6: 'fd00::2/64',
      tcpSockets: 32,
      send: ({ bytes }) => {
        sent++
        if (bytes[23] === 1 && bytes[34] === 0) echoed++
      },
    })
    peer.listen(80, {
      data: (socket, bytes) => {
        if (socket.state === 'established') socket.write(bytes)
      },
    })
    peer.udp(7, () => undefined)
    const edit = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 })
    const hostile = fc.oneof(
      {
        weight: 9,
        arbitrary: fc
          .tuple(fc.nat(frames.length - 1), edit, fc.integer({ min: 0, max: 200 }))
          .map(([i, edits, cut]) => {
            const frame = (frames[i] ?? new Uint8Array(0)).slice(0, cut < 180 ? undefined : cut)
            for (const [at, value] of edits) if (at < frame.length) frame[at] = value
            return frame
          }),
      },
      {
        weight: 1,
        arbitrary: fc
          .uint8Array({ maxLength: 100 })
          .map((noise) => new Uint8Array([...hex('020000000002 020000000001 0800'), ...noise])),
      },
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(hostile, fc.boolean()), { maxLength: 20 }), (batch) => {
        const before = sent
        // Half of them vouch for their checksums, so that damage reaches the layers above.
        for (const [bytes, trusted] of batch)
          peer.receive({ bytes, offload: trusted ? { transportChecksum: true, ipv4Checksum: true } : undefined })
        expect(sent - before).toBeLessThan(500)
        world.clock.advanceTo(world.clock.now() + 1000)
        const state = peer.save()
        expect(state.tcp.sockets.length).toBeLessThanOrEqual(32)
        expect(state.partials.length).toBeLessThanOrEqual(16)
        expect(state.neighbours.length).toBeLessThanOrEqual(256)
      }),
      { seed: SEED, numRuns: 400 },
    )
    world.clock.advanceTo(world.clock.now() + 31 * TICKS_PER_SECOND) // what was left half-way is forgotten
    const was = echoed
    for (const frame of frames.slice(0, 6)) peer.receive({ bytes: frame })
    expect(echoed).toBeGreaterThan(was)
  })
})
