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

  it('gives the id that became free last, as Linux does, if it is told so', () => {
    const table = requestTable<string>(3, { newestFirst: true })
    expect([table.begin('a'), table.begin('b'), table.begin('c')]).toEqual([1, 2, 3])
    table.end(3)
    table.end(1)
    expect([table.begin('d'), table.begin('e'), table.begin('f')]).toEqual([1, 3, 0])
  })

  it('grows if it is told so, and gives the lowest ids that were never given', () => {
    const table = requestTable<string>(2, { newestFirst: true, grows: true })
    expect(['a', 'b', 'c', 'd', 'e'].map((record) => table.begin(record))).toEqual([1, 2, 3, 4, 5])
    expect([table.size, table.depth, table.get(1), table.get(5)]).toEqual([5, 8, 'a', 'e'])
    table.end(2)
    expect([table.begin('f'), table.begin('g')]).toEqual([2, 6])
    const small = requestTable<string>(2, { newestFirst: true, grows: true })
    small.restore(table.save())
    expect([small.size, small.depth, small.get(6), small.begin('h')]).toEqual([6, 8, 'g', 7])
    small.clear()
    expect([small.size, small.begin('i'), small.begin('j')]).toEqual([0, 1, 2])
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
        for (const options of [{}, { newestFirst: true }, { newestFirst: true, grows: true }]) {
          const table = requestTable<number>(5, options)
          for (const command of before) run(table, command)
          const copy = requestTable<number>(5, options)
          copy.restore(table.save())
          expect(copy.size).toBe(table.size)
          for (const command of after) expect(run(copy, command)).toEqual(run(table, command))
        }
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
    for (const saved of wrong) expect(() => savedRequests(text, 2)(saved, 'at')).toThrow(/^at/)
    expect(savedRequests(text, 2)(own, '')).toEqual(own)
    expect(savedRequests(text)(own, '')).toEqual(own)
    expect(() => savedRequests(text)({ requests: [[1, 2]], free: [] }, '')).toThrow(/requests\[0\]\[1\] is 2/)
  })
})
