import { describe, expect, test } from 'vitest'
import { closingLine } from '../closing-line.ts'

describe('the closing line', () => {
  test.each([
    [{ passed: 12, failed: 0, skipped: 0 }, '12 passed, 0 failed'],
    [{ passed: 0, failed: 3, skipped: 0 }, '0 passed, 3 failed'],
    [{ passed: 1, failed: 2, skipped: 4 }, '1 passed, 2 failed, 4 skipped'],
  ])('%o', (tally, line) => {
    expect(closingLine(tally)).toBe(line)
  })
})
