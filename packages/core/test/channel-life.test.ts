import { expect, test } from 'vitest'
import { channelModel } from './channel-commands.ts'

test('ends that act only on signals deliver everything, in any order of steps', () => {
  const { packets, blocked, signals } = channelModel(300, 20_261_124)
  expect(packets).toBeGreaterThan(3000)
  expect(blocked).toBeGreaterThan(300)
  // Many packets for a signal: a ring that is not empty is not signalled.
  expect(signals).toBeLessThan(packets)
})
