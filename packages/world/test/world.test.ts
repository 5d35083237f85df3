import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DEFAULT_EPOCH,
  fileTimeOf,
  plainCopy,
  scopedTimers,
  seeded,
  timerQueue,
  unixMsOf,
  virtualClock,
} from '@vmbus/world'

describe('virtual clock', () => {
  it('counts 100 ns units and keeps wall time beside them', () => {
    const clock = virtualClock()
    clock.advanceTo(10_000_000)
    expect(clock.now()).toBe(10_000_000)
    expect(clock.fileTime() - DEFAULT_EPOCH).toBe(10_000_000n)
    expect(() => clock.advanceTo(9_999_999)).toThrow(RangeError)
    expect(() => clock.advanceTo(Number.NaN)).toThrow(RangeError)
  })

  it('knows FILETIME: 2000-01-01 UTC is 125911584000000000', () => {
    expect(fileTimeOf(Date.UTC(2000, 0, 1))).toBe(125_911_584_000_000_000n)
    expect(unixMsOf(125_911_584_000_000_000n)).toBe(946_684_800_000)
  })
})

describe('timers', () => {
  it('fires in order of time and name, whatever the order of setting', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 3 }), fc.nat(20)), {
      selector: ([name]) => name,
      maxLength: 12,
    })
    fc.assert(
      fc.property(entries, (list) => {
        const fired: [string, number][] = []
        const queue = timerQueue((name, at) => fired.push([name, at]))
        for (const [name, at] of list) queue.set(name, at)
        expect(queue.next()).toBe(list.length === 0 ? Infinity : Math.min(...list.map(([, at]) => at)))
        queue.run(20)
        const expected = [...list].sort(([a, at], [b, bt]) => at - bt || (a < b ? -1 : 1))
        expect(fired).toEqual(expected)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it('moves a timer that is set again, drops one that is cleared, and runs what a timer sets', () => {
    const fired: string[] = []
    const queue = timerQueue((name, at) => {
      fired.push(`${name}@${at}`)
      if (name === 'a') queue.set('chained', at)
    })
    queue.set('a', 5)
    queue.set('a', 3)
    queue.set('b', 4)
    queue.set('late', 9)
    queue.clear('b')
    expect(queue.run(8)).toBe(2)
    expect(fired).toEqual(['a@3', 'chained@3'])
    expect(queue.next()).toBe(9)
  })

  it('keeps scopes apart', () => {
    const fired: string[] = []
    const queue = timerQueue((name) => fired.push(name))
    scopedTimers(queue, 'x').set('beat', 1)
    scopedTimers(queue, 'y').set('beat', 2)
    scopedTimers(queue, 'x').clear('beat')
    queue.run(5)
    expect(fired).toEqual(['y/beat'])
  })
})

describe('seed', () => {
  it('draws the same number for the same event and another for another event or seed', () => {
    const draws = new Set<number>()
    for (let seed = 0; seed < 50; seed++)
      for (let event = 0; event < 50; event++) draws.add(seeded(seed).u32('delay', event))
    expect(draws.size).toBe(2500)
    expect(seeded(7).u32('delay', 3)).toBe(seeded(7).u32('delay', 3))
    expect(seeded(7).u32('a', 'bc')).not.toBe(seeded(7).u32('ab', 'c'))
  })

  it('is uniform enough: each of 16 buckets gets its share of 16000 draws within five standard deviations', () => {
    const seed = seeded(1)
    const buckets = new Array<number>(16).fill(0)
    for (let i = 0; i < 16_000; i++) buckets[seed.below(16, 'bucket', i)]!++
    for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(1000 * (15 / 16)))
  })
})

describe('plain copy', () => {
  it('copies every part, and shares none', () => {
    const value = {
      a: [1, { b: 2n, c: null }],
      d: Uint8Array.of(1, 2),
      e: 'text',
      f: undefined,
      g: Float64Array.of(0.5),
    }
    const copied = plainCopy(value)
    expect(copied).toEqual(value)
    value.d[0] = 9
    ;(value.a[1] as { b: bigint }).b = 3n
    expect(copied.d[0]).toBe(1)
    expect((copied.a[1] as { b: bigint }).b).toBe(2n)
  })
})
