import { expect, test } from 'vitest'
import { BRANCHES, hostilePeer, shallow } from './hostile-peer.ts'

test('a hostile peer breaks no more than its channel', () => {
  const totals = hostilePeer(3000, 20_261_124)
  expect(BRANCHES.filter((branch) => !totals.branches.has(branch))).toEqual([])
  expect(shallow(totals)).toBeLessThan(0.2)
  expect(totals.inputs).toBeGreaterThan(9000)
  expect(totals.packets).toBeGreaterThan(3000)
})
