import { expect } from 'vitest'
import type { AttackReport } from '../src/index.ts'

/** Nothing broken, four in five mutated inputs past the first length check, and every branch that can refuse has refused. */
export function expectJudged(report: AttackReport, branches: readonly string[]): void {
  expect(report.violations).toEqual([])
  // Only mutated inputs are short: measured over all, the whole ones would flatter the share.
  expect((report.inputs - report.pastLengthCheck) / report.mutated).toBeLessThanOrEqual(0.2)
  expect(report.mutated / report.inputs).toBeGreaterThan(0.3)
  expect(
    branches.filter((branch) => report.rejects[branch] === undefined),
    'branches never reached',
  ).toEqual([])
}

/** Runs an attack and says what it did: inputs per second, the share past the first check, hits of each branch and state. */
export function timed(name: string, attack: () => AttackReport): { report: AttackReport; text: string } {
  const begin = performance.now()
  const report = attack()
  const seconds = (performance.now() - begin) / 1000
  const past = (100 - (100 * (report.inputs - report.pastLengthCheck)) / report.mutated).toFixed(1)
  const text = `${name}: ${report.inputs} inputs, ${Math.round(report.inputs / seconds)}/s; ${report.mutated} mutated, ${past} % of them past the length check
${JSON.stringify({ rejects: report.rejects, states: report.states })}`
  return { report, text }
}
