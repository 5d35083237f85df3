import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '@vmbus/disk'
import { formats, parentSize } from './support.ts'
import { commands, run } from './model.ts'

describe.each(formats)('$name against an array', (format) => {
  it('any operations, scatter lists, resizes, saves and reopenings', () => {
    fc.assert(
      fc.property(commands(format, parentSize), (list) => {
        const outcome = run(format, memoryStore(), parentSize, list)
        expect(outcome).toBe('equal')
      }),
      { seed: 20240117, numRuns: 8 },
    )
  })
})
