import { describe, expect, it } from 'vitest'
import { cutCheckpoints } from './checkpoint-cuts.ts'
import { KINDS } from './checkpoint-kinds.ts'

const totals = { cuts: 0, whileCreated: 0, whileMerging: 0, withChild: 0 }

describe.each(KINDS)('$name, thousands of power cuts from checkpoint to merge', (kind) => {
  it.each([41, 42, 43, 44])('what was flushed is there (seed %i)', { timeout: 300_000 }, (seed) => {
    const report = cutCheckpoints(kind, { seed, size: 3 * 2 ** 20 + 8192, steps: 200, every: 3 })
    expect(report.failures).toEqual([])
    for (const key of ['cuts', 'whileCreated', 'whileMerging', 'withChild'] as const) totals[key] += report[key]
  })
})

describe('power cuts from checkpoint to merge', () => {
  it('fell into every part of it', () => {
    console.log(
      `power cuts with checkpoints: ${totals.cuts}, of them ${totals.whileCreated} at a checkpoint, ${totals.whileMerging} at a merge, ${totals.withChild} with two images`,
    )
    expect(totals.cuts).toBeGreaterThan(1000)
    expect(totals.whileCreated).toBeGreaterThan(100)
    expect(totals.whileMerging).toBeGreaterThan(300)
  })
})
