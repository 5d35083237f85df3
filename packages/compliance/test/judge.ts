import { expect } from 'vitest'
import type { AttackReport } from '../src/index.ts'

/** Nothing broken, four in five damaged inputs past the first length check, and every branch that can refuse has refused. */
export function expectJudged(report: AttackReport, branches: readonly string[]): void {
  expect(report.violations).toEqual([])
  // Only damaged inputs are short: measured over all, the whole ones would flatter the share.
  expect((report.inputs - report.pastLengthCheck) / report.damaged).toBeLessThanOrEqual(0.2)
  expect(report.damaged / report.inputs).toBeGreaterThan(0.3)
  expect(
    branches.filter((branch) => report.rejects[branch] === undefined),
    'branches never reached',
  ).toEqual([])
}
