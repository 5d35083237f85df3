import { describe, expect, test } from 'vitest'
import { memoryAccounts } from '../src/system/memory.ts'

describe('accounts of memory', () => {
  test('give whole aligned runs from the top, each page once, until none is left', () => {
    const memory = memoryAccounts(4096)
    const pages = new Set<number>()
    // Three quarters of it are free: 3072 pages from 1024 on.
    for (const count of [1, 512, 512, 1, 16]) {
      const run = memory.take(count)
      expect((run?.start ?? 1) % count).toBe(0)
      for (let at = 0; at < count; at++) pages.add((run?.start ?? 0) + at)
    }
    expect([pages.size, memory.ballooned, memory.available(), memory.total()]).toEqual([1042, 1042, 2030, 3054])
    expect([...pages].every((page) => page >= 1024 && page < 4096)).toBe(true)
    while (memory.take(1) !== undefined);
    expect([memory.available(), memory.ballooned, memory.take(1)]).toEqual([0, 3072, undefined])
  })

  test('take back what they gave, in any order', () => {
    const memory = memoryAccounts(4096)
    const runs = [64, 1, 512, 1, 64].map((count) => memory.take(count))
    for (const at of [3, 0, 4, 1, 2]) {
      const run = runs[at]
      if (run !== undefined) memory.release(run)
    }
    expect([memory.available(), memory.ballooned, memory.take(2048)]).toEqual([3072, 0, { start: 2048, count: 2048 }])
  })

  test('take memory in once, and not where there is some', () => {
    const memory = memoryAccounts(4096)
    const region = { start: 4096, count: 32_768 }
    expect(memory.add?.({ start: 4096, count: 1024 }, region)).toBe(1024)
    expect(memory.add?.({ start: 5000, count: 1024 }, region)).toBe(0)
    expect(memory.add?.({ start: 4000, count: 10 }, region)).toBe(0)
    expect([memory.total(), memory.available()]).toEqual([5120, 4096])
  })
})
