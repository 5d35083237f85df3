import { ws2022 } from '@vmbus/host'
import { expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { lsvmbusProbe } from '../src/probes/lsvmbus.ts'
import { execute } from '../src/run/execute.ts'
import { createMemories } from '../src/worlds/memories.ts'

test('RAM that was given back is zero again wherever it was written, and is not given twice', () => {
  const memories = createMemories()
  const first = memories.take(256 << 10)
  for (const at of [0, 4095, 65_535, 65_536, 200_000, (256 << 10) - 1]) first.bytes[at] = 7
  memories.giveBack(first)
  const [second, third] = [memories.take(256 << 10), memories.take(256 << 10)]
  // By identity alone: where two are not the same object, `toBe` compares what they hold, byte by byte.
  expect([second === first, third === first]).toEqual([true, false])
  expect(second.bytes.every((byte) => byte === 0)).toBe(true)
  expect(memories.take(128 << 10).size).toBe(128 << 10)
})

test('a guest in RAM that another one had is found the same', async () => {
  const memories = createMemories()
  const guest = guestOf('rhel 7.9')
  if (!isGuest(guest)) throw new Error(guest.reason)
  const options = { id: 'x', probe: lsvmbusProbe, guest, profile: ws2022, seed: 3, runs: 1 }
  const alone = await execute(options)
  expect([await execute({ ...options, memories }), await execute({ ...options, memories })]).toEqual([alone, alone])
})
