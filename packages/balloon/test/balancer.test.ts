import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { balance, demandOf, type Member } from '../src/balancer.ts'

const member = (id: string, committed: number, more: Partial<Member> = {}): Member => ({
  id,
  minimum: 100,
  maximum: 1000,
  assigned: 500,
  committed,
  ...more,
})

describe('demand', () => {
  test.each([
    [500, {}, 600],
    [500, { buffer: 50 }, 750],
    [10, {}, 100],
    [5000, {}, 1000],
    [333, { buffer: 10 }, 367],
  ])('%i committed with %o is %i pages', (committed, more, demand) => {
    expect(demandOf(member('a', committed, more))).toBe(demand)
  })
})

test('enough for all: each has its demand', () => {
  expect([...balance([member('a', 100), member('b', 500), member('c', 5000)], 5000)]).toEqual([
    ['a', 120],
    ['b', 600],
    ['c', 1000],
  ])
})

test('not enough: minima first, the rest by weight', () => {
  const targets = balance([member('a', 5000, { weight: 9999 }), member('b', 5000, { weight: 4999 })], 500)
  // 300 pages to share as 10000 : 5000.
  expect([...targets]).toEqual([
    ['a', 300],
    ['b', 200],
  ])
})

test('what one guest does not need goes to the others', () => {
  expect([...balance([member('a', 150), member('b', 5000)], 1000)]).toEqual([
    ['a', 180],
    ['b', 820],
  ])
})

test('the budget holds, minima and maxima hold, and nothing is kept back that somebody wants', () => {
  const arbitrary = fc.record({
    minimum: fc.nat(1000),
    above: fc.nat(10_000),
    committed: fc.nat(20_000),
    buffer: fc.option(fc.integer({ min: 5, max: 2000 }), { nil: undefined }),
    weight: fc.option(fc.nat(10_000), { nil: undefined }),
  })
  fc.assert(
    fc.property(fc.array(arbitrary, { maxLength: 8 }), fc.nat(60_000), (list, budget) => {
      const members = list.map(({ minimum, above, committed, buffer, weight }, i): Member => ({
        id: `guest-${i}`,
        minimum,
        maximum: minimum + above,
        assigned: minimum,
        committed,
        ...(buffer === undefined ? {} : { buffer }),
        ...(weight === undefined ? {} : { weight }),
      }))
      const targets = balance(members, budget)
      const minima = members.reduce((sum, each) => sum + each.minimum, 0)
      const demand = members.reduce((sum, each) => sum + demandOf(each), 0)
      const sum = [...targets.values()].reduce((total, pages) => total + pages, 0)
      expect(sum).toBe(Math.max(minima, Math.min(budget, demand)))
      for (const each of members) {
        const target = targets.get(each.id) ?? -1
        expect(Number.isInteger(target)).toBe(true)
        expect(target).toBeGreaterThanOrEqual(each.minimum)
        expect(target).toBeLessThanOrEqual(Math.max(each.minimum, demandOf(each)))
      }
    }),
    { seed: 5, numRuns: 500 },
  )
})
