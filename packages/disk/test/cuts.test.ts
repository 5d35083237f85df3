import { describe, expect, it } from 'vitest'
import { cutRun } from './cuts.ts'
import { formats, parentSize } from './support.ts'

const withLog = formats.filter(({ name }) => name.startsWith('vhdx'))
const withoutLog = formats.filter(({ name }) => name.startsWith('vhd '))

describe.each(withLog)('$name, power cuts', (format) => {
  it('opens, and what was flushed is intact', () => {
    const report = cutRun(format, { seed: 3, size: parentSize, steps: 40, every: 7, each: 2, resize: true, weakResize: false })
    expect(report.failures).toEqual([])
    expect(report.cuts).toBeGreaterThan(25)
  })
})

describe.each(withoutLog)('$name, power cuts, by order of writes alone', (format) => {
  it('opens, and what was flushed is intact where no resize was cut', () => {
    const resize = format.parent === undefined
    const report = cutRun(format, { seed: 5, size: parentSize, steps: 40, every: 7, each: 2, resize, weakResize: true })
    expect(report.failures).toEqual([])
    expect(report.cuts).toBeGreaterThan(10)
  })
})
