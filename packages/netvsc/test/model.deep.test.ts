import fc from 'fast-check'
import { test } from 'vitest'
import { actions, live, setups } from './model.ts'

test('many lives of an adapter keep every frame, section and completion', () => {
  fc.assert(fc.property(setups, actions, live), { seed: 11, numRuns: 1500 })
})
