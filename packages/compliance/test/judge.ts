import { expect } from 'vitest'
import type { AttackReport } from '../src/index.ts'

/** Nothing broken, four in five inputs past the first length check, and every branch that can refuse has refused. */
export function expectJudged(report: AttackReport, branches: readonly string[]): void {
  expect(report.violations).toEqual([])
  expect(report.pastLengthCheck / report.inputs).toBeGreaterThanOrEqual(0.8)
  expect(
    branches.filter((branch) => report.rejects[branch] === undefined),
    'branches never reached',
  ).toEqual([])
}
