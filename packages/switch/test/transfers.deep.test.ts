import { expect, test } from 'vitest'
import { TICKS_PER_MS, TICKS_PER_SECOND } from '@vmbus/world'
import type { TcpHandlers, TcpSocket } from '@vmbus/switch/peer'
import { pair, pattern } from './pair.ts'
import { testWorld } from './world.ts'

const RUNS = 400
const MTUS = [1280, 1500, 9000] as const

/** Writes in pieces, stops reading now and then, and says what became of it. */
function part(
  name: string,
  mine: Uint8Array,
  theirs: Uint8Array,
  log: string[],
  random: (bound: number, ...what: (string | number)[]) => number,
): TcpHandlers {
  let sent = 0
  let received = 0
  let calls = 0
  const push = (socket: TcpSocket): void => {
    while (sent < mine.length) {
      const piece = mine.subarray(sent, sent + 1 + random(9000, name, sent))
      const taken = socket.write(piece)
      sent += taken
      if (taken < piece.length) return
    }
    if (sent++ === mine.length) socket.end()
  }
  return {
    opened: push,
    drained: push,
    data(socket, bytes) {
      if (Buffer.compare(bytes, theirs.subarray(received, received + bytes.length)) !== 0)
        throw new Error(`${name}: damage after ${received} bytes`)
      received += bytes.length
      if (random(7, name, 'pause', calls++) === 0) socket.pause()
    },
    ended: () => void log.push(`${name} ended after ${received === theirs.length ? 'all' : received}`),
    closed: (_, reason) => void log.push(`${name} ${reason}`),
  }
}

test(`${RUNS} transfers: any buffers, MTUs, pauses, over links that lose up to a quarter`, () => {
  for (let run = 0; run < RUNS; run++) {
    const { seed } = testWorld(run)
    const pick = <T>(choices: readonly T[], what: string): T =>
      choices[seed.below(choices.length, what)] ?? (choices[0] as T)
    const link = {
      loss: pick([0, 0.02, 0.1, 0.25], 'loss'),
      duplicate: pick([0, 0.1, 0.6], 'duplicate'),
      delay: pick([0, 1, 5 * TICKS_PER_MS, 200 * TICKS_PER_MS], 'delay'),
      jitter: pick([0, 1000, 20 * TICKS_PER_MS, 300 * TICKS_PER_MS], 'jitter'),
      bandwidth: pick([undefined, 100_000, 1_000_000, 1_000_000_000], 'bandwidth'),
    }
    const { a, b, world } = pair({
      link,
      seed: run,
      a: { tcpBuffer: pick([4096, 5000, 10_000, 262_144], 'buffer a'), mtu: pick(MTUS, 'mtu a') },
      b: { tcpBuffer: pick([4096, 9999, 262_144], 'buffer b'), mtu: pick(MTUS, 'mtu b') },
    })
    const log: string[] = []
    const random = (bound: number, ...what: (string | number)[]): number => seed.below(bound, ...what)
    const [up, down] = [pattern(seed.below(60_000, 'up'), 1), pattern(seed.below(60_000, 'down'), 2)]
    b.listen(80, part('b', down, up, log, random))
    a.connect({ address: pick(['10.0.0.2', 'fd00::2'], 'family'), port: 80 }, part('a', up, down, log, random))
    for (let second = 0.5; log.length < 4 && second < 7200; second += 0.5) {
      world.runTo(second * TICKS_PER_SECOND)
      for (const socket of [...a.sockets(), ...b.sockets()]) socket.resume()
    }
    expect(log.toSorted(), `run ${run}: ${JSON.stringify(link)}`).toEqual([
      'a closed',
      'a ended after all',
      'b closed',
      'b ended after all',
    ])
  }
}, 120_000)
