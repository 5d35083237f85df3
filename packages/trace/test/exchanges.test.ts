import { describe, expect, test } from 'vitest'
import { byExchange, type Line, type Normalised } from '../src/index.ts'
import { line, words } from './arbitraries.ts'
import fc from 'fast-check'

const IN_BAND = 6
const GPA_DIRECT = 9
const COMPLETION = 11
const WANTED = 1

/** Descriptor of 16 bytes, then 8 of payload; a GPA-direct packet has its ranges before them. */
const descriptor = (type: number, flags: number, id: number, header: number, rest: number): number[] => [
  type | ((header / 8) << 16),
  ((header + rest) / 8) | (flags << 16),
  id,
  0,
]
const request = (id: number, what: number, ...pfns: readonly number[]): Line => ({
  to: 'host',
  bytes:
    pfns.length === 0
      ? words(...descriptor(IN_BAND, WANTED, id, 16, 8), what, 0)
      : words(
          ...descriptor(GPA_DIRECT, WANTED, id, 32 + pfns.length * 8, 8),
          0,
          1,
          pfns.length * 4096,
          0,
          ...pfns.flatMap((pfn) => [pfn, 0]),
          what,
          0,
        ),
})
const answer = (id: number, what: number): Line => ({
  to: 'guest',
  bytes: words(...descriptor(COMPLETION, 0, id, 16, 8), what, 0),
})
const news = (what: number): Line => ({
  to: 'guest',
  bytes: words(...descriptor(IN_BAND, 0, 0, 16, 8), what, 0),
})
const of = (...lines: readonly Line[]): Normalised => ({ control: [], channels: { a: lines } })
const lines = (...all: readonly Line[]): readonly Line[] => byExchange(of(...all)).channels['a'] ?? []

describe('exchanges', () => {
  test('an answer follows its request, whatever else was under way', () => {
    expect(lines(request(1, 7), request(2, 8), answer(2, 80), news(5), answer(1, 70))).toEqual([
      request(1, 7),
      answer(1, 70),
      request(1, 8),
      answer(1, 80),
      news(5),
    ])
  })

  test('which ids and pages are used again makes no difference, which pages one request repeats does', () => {
    const first = lines(request(1, 7, 4, 5), answer(1, 0), request(1, 7, 4, 4), answer(1, 0))
    expect(lines(request(3, 7, 9, 2), answer(3, 0), request(4, 7, 2, 2), answer(4, 0))).toEqual(first)
    expect(lines(request(3, 7, 9, 9), answer(3, 0), request(4, 7, 2, 2), answer(4, 0))).not.toEqual(first)
    expect(first[2]).toEqual(request(1, 7, 1, 1))
  })

  test('an answer to nothing stands by itself, and an answer is for one request', () => {
    expect(lines(answer(5, 1), request(5, 2), answer(5, 3), answer(5, 4))).toEqual([
      answer(1, 1),
      request(1, 2),
      answer(1, 3),
      answer(1, 4),
    ])
  })

  test('takes any bytes, keeps every one of them, and does so again', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (all) => {
        const once = byExchange(of(...all))
        const lengths = (of: readonly Line[]): number[] => of.map(({ bytes }) => bytes.length).toSorted((a, b) => a - b)
        expect(lengths(once.channels['a'] ?? [])).toEqual(lengths(all))
        expect(byExchange(once)).toEqual(once)
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})
