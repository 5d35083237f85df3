import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pageSet } from '../src/page-set.ts'
import type { PageRun } from '../src/protocol.ts'

const PAGES = 64
const run = fc.record({ start: fc.nat(PAGES), count: fc.nat(20) })
const step = fc.oneof(
  fc.record({ do: fc.constantFrom('add' as const, 'remove' as const, 'look' as const), run }),
  fc.record({ do: fc.constant('take' as const), count: fc.nat(30), longest: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ do: fc.constant('clear' as const) }),
)
const pagesOf = (runs: readonly PageRun[]): number[] =>
  runs.flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + i))
const sorted = (pages: Iterable<number>): number[] => [...pages].toSorted((a, b) => a - b)

test('a set of pages is a set of numbers', () => {
  fc.assert(
    fc.property(fc.array(run, { maxLength: 4 }), fc.array(step, { maxLength: 30 }), (initial, steps) => {
      const set = pageSet(initial)
      const model = new Set(pagesOf(initial))
      for (const each of steps) {
        if (each.do === 'add' || each.do === 'remove' || each.do === 'look') {
          const pages = pagesOf([each.run])
          const inside = pages.filter((page) => model.has(page))
          expect(pagesOf(set.within(each.run))).toEqual(inside)
          expect(pagesOf(set.without(each.run))).toEqual(pages.filter((page) => !model.has(page)))
          if (each.do === 'add') {
            expect(set.add(each.run)).toBe(pages.length - inside.length)
            for (const page of pages) model.add(page)
          } else if (each.do === 'remove') {
            expect(set.remove(each.run)).toBe(inside.length)
            for (const page of pages) model.delete(page)
          }
        } else if (each.do === 'take') {
          const last = sorted(model).slice(-each.count)
          const taken = set.take(each.count, each.longest)
          expect(sorted(pagesOf(taken))).toEqual(each.count === 0 ? [] : last)
          for (const { count } of taken) expect(count).toBeLessThanOrEqual(each.longest)
          for (const page of pagesOf(taken)) model.delete(page)
        } else {
          set.clear()
          model.clear()
        }
        expect(set.pages).toBe(model.size)
        expect(pagesOf(set.runs)).toEqual(sorted(model))
        // Neither empty nor touching: as few runs as there can be.
        set.runs.forEach(({ start, count }, i) => {
          expect(count).toBeGreaterThan(0)
          const before = set.runs[i - 1]
          if (before !== undefined) expect(before.start + before.count).toBeLessThan(start)
        })
      }
    }),
    { seed: 4, numRuns: 400 },
  )
})

test('a run without pages has no parts', () => {
  const set = pageSet([{ start: 0, count: 10 }])
  expect([set.within({ start: 4, count: 0 }), set.without({ start: 4, count: 0 })]).toEqual([[], []])
})
