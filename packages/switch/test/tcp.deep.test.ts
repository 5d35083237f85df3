import { expect, test } from 'vitest'
import { TICKS_PER_MS, TICKS_PER_SECOND } from '@vmbus/world'
import { pair, pattern } from './pair.ts'

const MIB = 1 << 20

test.each([
  ['a clean link', {}, 1500],
  ['jumbo frames at a gigabit', { bandwidth: 1_000_000_000, delay: 500 }, 9000],
  [
    'loss, reordering and duplicates',
    { loss: 0.02, duplicate: 0.02, delay: TICKS_PER_MS, jitter: 2 * TICKS_PER_MS },
    1500,
  ],
])(
  '16 MiB each way over %s',
  (_, link, mtu) => {
    const { a, b, world } = pair({ link, a: { mtu, tcpBuffer: MIB }, b: { mtu, tcpBuffer: MIB } })
    const done: boolean[] = []
    const part = (mine: Uint8Array, theirs: Uint8Array) => {
      let sent = 0
      let received = 0
      const push = (socket: { write(bytes: Uint8Array): number; end(): void }): void => {
        if (sent > mine.length) return
        sent += socket.write(mine.subarray(sent))
        if (sent === mine.length) {
          sent++
          socket.end()
        }
      }
      return {
        opened: push,
        drained: push,
        data: (__: unknown, bytes: Uint8Array): void => {
          if (Buffer.compare(bytes, theirs.subarray(received, received + bytes.length)) !== 0)
            throw new Error(`damage after ${received} bytes`)
          received += bytes.length
        },
        closed: (__: unknown, reason: string): void => {
          expect([received, reason]).toEqual([theirs.length, 'closed'])
          done.push(true)
        },
      }
    }
    const up = pattern(16 * MIB, 1)
    const down = pattern(16 * MIB, 2)
    const start = performance.now()
    b.listen(80, part(down, up))
    a.connect({ address: '10.0.0.2', port: 80 }, part(up, down))
    world.runUntil(() => done.length === 2, 7200 * TICKS_PER_SECOND)
    process.stdout.write(
      `32 MiB in ${Math.round(performance.now() - start)} ms, virtual ${(world.clock.now() / TICKS_PER_SECOND).toFixed(1)} s\n`,
    )
  },
  60_000,
)
