import { expect, test } from 'vitest'
import { ringModel } from './ring-commands.ts'

test('the ring is a queue, whatever its pages, and signals exactly on transitions', () => {
  const runs = 400
  const seen = ringModel(runs, 20_261_124, 'max')
  // Lives in which none of this happens would prove nothing.
  expect(Object.entries(seen).filter(([, count]) => count <= runs / 8)).toEqual([])
})
