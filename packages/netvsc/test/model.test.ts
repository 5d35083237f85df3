import fc from 'fast-check'
import { test } from 'vitest'
import { actions, live, setups } from './model.ts'

test('any life of an adapter keeps every frame, section and completion', { timeout: 120_000 }, () => {
  fc.assert(fc.property(setups, actions, live), { seed: 3, numRuns: 50 })
})
