import { expect, test } from 'vitest'
import { channelModel } from './channel-commands.ts'

test('ends that act only on signals deliver everything, in any order of steps: 20 000 lives', () => {
  expect(channelModel(20_000, 5).packets).toBeGreaterThan(100_000)
})
