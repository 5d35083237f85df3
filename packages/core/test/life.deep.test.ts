import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VERSION_CHOICE, action, liveAt } from './life.ts'
import { INTERRUPTS } from './pair.ts'

/** Long lives in any pair of version ranges, with every invariant looked at after each. */
test('4,000 lives of up to 200 steps', { timeout: 1_200_000 }, () => {
  const actions = fc.array(action, { minLength: 20, maxLength: 200, size: 'max' })
  fc.assert(
    fc.property(VERSION_CHOICE, fc.constantFrom(...INTERRUPTS), actions, (version, interrupts, steps) => {
      const made = liveAt(version, interrupts)
      for (const step of steps) made.run(step)
      expect(made.finish()).toEqual([])
    }),
    { seed: 70_000, numRuns: 4000 },
  )
})
