import { afterAll, describe, expect, it } from 'vitest'
import { cutRun } from './cuts.ts'
import { formats, parentSize } from './support.ts'

const totals = { cuts: 0, nested: 0, replayed: 0, duringResize: 0 }

describe.each(formats.filter(({ name }) => name.startsWith('vhdx')))('$name, thousands of power cuts', (format) => {
  it.each([11, 12, 13, 14])('opens, and what was flushed is intact (seed %i)', { timeout: 300_000 }, (seed) => {
    const report = cutRun(format, {
      seed,
      size: parentSize,
      steps: 200,
      every: 3,
      each: 2,
      resize: true,
      weakResize: false,
    })
    expect(report.failures).toEqual([])
    totals.cuts += report.cuts
    totals.nested += report.nested
    totals.replayed += report.replayed
    totals.duringResize += report.duringResize
  })
})

afterAll(() => {
  process.stdout.write(
    `VHDX power cuts: ${totals.cuts}, of them during replay ${totals.nested} (of ${totals.replayed} logs), during resize ${totals.duringResize}\n`,
  )
})

describe('VHDX power cuts', () => {
  it('were at least 10,000, replay and resize included', () => {
    expect(totals.cuts).toBeGreaterThanOrEqual(10_000)
    expect(totals.nested).toBeGreaterThan(1000)
    expect(totals.replayed).toBeGreaterThan(100)
    expect(totals.duringResize).toBeGreaterThan(1000)
  })
})

describe.each(formats.filter(({ name }) => name.startsWith('vhd ')))(
  '$name, power cuts, by order of writes alone',
  (format) => {
    it.each([21, 22, 23])(
      'opens, and what was flushed is intact where no resize was cut (seed %i)',
      { timeout: 300_000 },
      (seed) => {
        const report = cutRun(format, {
          seed,
          size: parentSize,
          steps: 200,
          every: 3,
          each: 2,
          resize: format.parent === undefined,
          weakResize: true,
        })
        expect(report.failures).toEqual([])
        expect(report.cuts).toBeGreaterThan(100)
      },
    )
  },
)
