import { expect, test } from 'vitest'
import { ringModel } from './ring-commands.ts'

test('the ring is a queue, whatever its pages, and signals exactly on transitions: 20 000 lives', () => {
  expect(ringModel(20_000, 3, 'max').signalsOnRead).toBeGreaterThan(2500)
})
