import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { guestMemory } from '@vmbus/hypervisor'
import { bytesPerCall } from '@vmbus/world/testing'
import { expect, test } from 'vitest'
import { PACKET_WORDS, Row, Rx, Tx, ringArea } from '../src/ring/index.ts'
import { channels } from './bare-channels.ts'

const heapUsed = (): number => process.memoryUsage().heapUsed
const PAGES = [1, 2, 3, 4, 5]
/** An object has 16 bytes at least; what is less is the measure's own. */
const NOTHING = 8

// A copy beyond 128 bytes needs a view of some hundred bytes; where the ring ends, so does each piece.
test.each([
  [16, NOTHING],
  [64, NOTHING],
  [1500, 150],
])('a packet of %i bytes into and out of a ring allocates less than %i bytes', (size, most) => {
  const area = ringArea(guestMemory(64 * 4096), PAGES)
  const [tx, rx] = [new Tx(area), new Rx(area)]
  const payload = new Uint8Array(size)
  const words = new Int32Array(1024)
  const into = new Uint8Array(words.buffer)
  const bytes = bytesPerCall(
    heapUsed,
    () => {
      tx.send(6, 0, payload, 1, 0)
      tx.publish()
      rx.next()
      rx.copy(into, words)
      rx.consume()
      rx.release()
    },
    { enough: most },
  )
  expect(bytes).toBeLessThan(most)
})

test('a batch of views through a ring allocates nothing', () => {
  const area = ringArea(guestMemory(64 * 4096), PAGES)
  const [tx, rx] = [new Tx(area), new Rx(area)]
  const table = new Int32Array(8 * PACKET_WORDS)
  const drained = new Int32Array(8 * PACKET_WORDS)
  for (let row = 0; row < 8; row++) table.set([6, 32 * 4096, 100], row * PACKET_WORDS + Row.kind)
  const bytes = bytesPerCall(
    heapUsed,
    () => {
      tx.sendv(table, 8)
      tx.publish()
      rx.drain(drained, 8, Infinity)
      rx.release()
    },
    { enough: NOTHING },
  )
  expect(bytes).toBeLessThan(NOTHING)
})

const small = new Uint8Array(64)

test('packets of each type through a channel allocate nothing', () => {
  // In a process of its own: what other tests have shown the engine of a channel makes it forget what it knows of this one.
  const program = fileURLToPath(new URL('channel-allocations.ts', import.meta.url))
  const argv = ['--import', import.meta.resolve('tsx'), '-C', '@vmbus/source', program]
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const { calls, packets, bytes } = JSON.parse(stdout) as { calls: number; packets: number; bytes: number }
  expect(calls).toBeGreaterThan(0)
  expect(packets).toBe(4 * calls)
  expect(bytes / 4).toBeLessThan(NOTHING)
})

test('a packet that is sent and traced allocates an event of 48 bytes and a view of 104, no more', () => {
  let [calls, traced] = [0, 0]
  const { guest, host } = channels(() => void traced++)
  const bytes = bytesPerCall(
    heapUsed,
    () => {
      calls++
      host.sendInBand(small, 1, 0, false)
      guest.receive()
    },
    { enough: 200 },
  )
  expect(traced).toBe(calls)
  expect(bytes).toBeLessThan(200)
})
