import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memoryAccounts } from '../src/system/memory.ts'

const RAM = 32_768
const made = (options: { readonly totalFalls?: boolean; readonly hotAdd?: boolean } = {}) =>
  memoryAccounts({ pages: RAM, totalFalls: true, hotAdd: false, ...options })

describe('the memory of a system', () => {
  test('is less than RAM by what the kernel keeps, and free but for what is used', () => {
    const memory = made()
    expect(memory.total()).toBeLessThan(RAM)
    expect(memory.available()).toBe(memory.total() - memory.committed())
    expect(memory.ballooned).toBe(0)
  })

  test('gives up chunks on their own multiple, from the top', () => {
    const memory = made()
    expect(memory.take(512)).toEqual({ start: RAM - 512, count: 512 })
    expect(memory.take(1)).toEqual({ start: RAM - 513, count: 1 })
    // The chunk below is broken now.
    expect(memory.take(512)).toEqual({ start: RAM - 3 * 512, count: 512 })
    expect([memory.ballooned, memory.take(1 << 20)]).toEqual([1025, undefined])
  })

  test('in total falls by what is given up from 5.11 on, and stays before', () => {
    for (const totalFalls of [true, false]) {
      const memory = made({ totalFalls })
      const before = [memory.total(), memory.available()]
      memory.take(512)
      expect([memory.total(), memory.available()]).toEqual([
        (before[0] ?? 0) - (totalFalls ? 512 : 0),
        (before[1] ?? 0) - 512,
      ])
    }
  })

  test('takes memory in that it does not have, where the kernel can', () => {
    const memory = made({ hotAdd: true })
    const total = memory.total()
    const run = { start: 65_536, count: 32_768 }
    expect([memory.add?.(run, run), memory.add?.(run, run), memory.add?.({ start: 0, count: 1 }, run)]).toEqual([
      32_768, 0, 0,
    ])
    expect(memory.total()).toBe(total + 32_768)
    expect(memory.take(512)).toEqual({ start: 65_536 + 32_768 - 512, count: 512 })
    expect(made().add).toBeUndefined()
  })

  test('never gives a page twice, and has all of it again in the end, whatever was saved in between', () => {
    const step = fc.oneof(
      fc.record({ take: fc.constantFrom(1, 512) }),
      fc.record({ release: fc.nat() }),
      fc.constant('save' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let memory = made()
        const free = memory.available()
        const taken: { readonly start: number; readonly count: number }[] = []
        for (const each of steps) {
          if (each === 'save') {
            const saved = structuredClone(memory.save())
            memory = made()
            memory.restore(saved)
          } else if ('take' in each) {
            const run = memory.take(each.take)
            if (run !== undefined) taken.push(run)
          } else {
            const [run] = taken.splice(each.release % Math.max(1, taken.length), 1)
            if (run !== undefined) memory.release(run)
          }
          const pages = taken.reduce((sum, { count }) => sum + count, 0)
          expect([memory.ballooned, memory.available()]).toEqual([pages, free - pages])
          const ordered = taken.toSorted((a, b) => a.start - b.start)
          for (const [index, { start }] of ordered.entries()) {
            const before = ordered[index - 1]
            if (before !== undefined) expect(before.start + before.count).toBeLessThanOrEqual(start)
          }
        }
        for (const run of taken) memory.release(run)
        expect(memory.take(512)).toEqual({ start: RAM - 512, count: 512 })
      }),
      { seed: 9, numRuns: 200 },
    )
  })
})
