import { expect, test } from 'vitest'
import { BRANCHES, hostilePeer, shallow } from './hostile-peer.ts'

test('a hostile peer breaks no more than its channel: a million attacks', () => {
  const started = performance.now()
  const totals = hostilePeer(300_000, 11)
  const seconds = (performance.now() - started) / 1000
  process.stdout.write(`${totals.inputs} attacks, ${Math.round(totals.inputs / seconds)} a second\n`)
  for (const [branch, count] of totals.branches) process.stdout.write(`  ${branch}: ${count}\n`)
  expect(BRANCHES.filter((branch) => !totals.branches.has(branch))).toEqual([])
  expect(shallow(totals)).toBeLessThan(0.2)
  expect(totals.inputs).toBeGreaterThan(1_000_000)
})
