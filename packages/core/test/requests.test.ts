import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { requestTable, savedRequests, type RequestTable } from '@vmbus/core'
import { text } from '@vmbus/world'

describe('requests under way', () => {
  it('gives ids from 1, the longest free one next', () => {
    const table = requestTable<string>(3)
    expect([table.begin('a'), table.begin('b'), table.begin('c'), table.begin('d')]).toEqual([1, 2, 3, 0])
    expect(table.size).toBe(3)
    expect(table.end(2)).toBe('b')
    expect(table.end(1)).toBe('a')
    expect([table.begin('e'), table.begin('f')]).toEqual([2, 1])
  })

  it('knows each request once: an answer that comes again, or for nobody, ends nothing', () => {
    const table = requestTable<string>(2)
    const id = table.begin('a')
    expect(table.get(id)).toBe('a')
    expect([table.end(id), table.end(id), table.end(0), table.end(3), table.end(-1), table.end(NaN)]).toEqual([
      'a',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(table.size).toBe(0)
  })

  it('takes an unsent request back as if it had never been', () => {
    const table = requestTable<string>(3)
    table.begin('a')
    const before = table.save()
    table.undo(table.begin('b'))
    expect(table.save()).toEqual(before)
    table.undo(2)
    expect(table.save()).toEqual(before)
  })

  it('visits what is under way while it ends', () => {
    const table = requestTable<string>(4)
    for (const record of ['a', 'b', 'c']) table.begin(record)
    const seen: [string, number][] = []
    table.each((record, id) => {
      seen.push([record, id])
      table.end(id)
      table.end(2)
    })
    expect(seen).toEqual([
      ['a', 1],
      ['c', 3],
    ])
    expect(table.size).toBe(0)
  })

  it('restores to a table that gives the same ids from then on', () => {
    const commands = fc.array(fc.tuple(fc.constantFrom('begin', 'end', 'undo'), fc.integer({ min: 0, max: 6 })), {
      maxLength: 40,
    })
    const run = (table: RequestTable<number>, [what, id]: [string, number]): unknown => {
      if (what === 'begin') return table.begin(id)
      return what === 'end' ? table.end(id) : table.undo(id)
    }
    fc.assert(
      fc.property(commands, commands, (before, after) => {
        const table = requestTable<number>(5)
        for (const command of before) run(table, command)
        const copy = requestTable<number>(5)
        copy.restore(table.save())
        expect(copy.size).toBe(table.size)
        for (const command of after) expect(run(copy, command)).toEqual(run(table, command))
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it('refuses the state of another table and keeps its own', () => {
    const table = requestTable<string>(2)
    table.begin('a')
    const own = table.save()
    const wrong: ReturnType<typeof table.save>[] = [
      { requests: [], free: [1] },
      { requests: [], free: [1, 1] },
      { requests: [[1, 'x']], free: [3] },
      { requests: [[0, 'x']], free: [1] },
      { requests: [], free: [1, 2, 3] },
    ]
    for (const saved of wrong) {
      expect(() => table.restore(saved)).toThrow(RangeError)
      expect(table.save()).toEqual(own)
    }
    expect(savedRequests(text)(own, '')).toEqual(own)
    expect(() => savedRequests(text)({ requests: [[1, 2]], free: [] }, '')).toThrow(/requests\[0\]\[1\] is 2/)
  })
})
