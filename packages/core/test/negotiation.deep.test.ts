import fc from 'fast-check'
import { test } from 'vitest'
import { ALL_VERSIONS } from '../src/index.ts'
import { expectNegotiated, ranges } from './negotiation.ts'

const timeout = 600_000

test(`each of ${ranges.length} ranges of guest versions against each range of host versions`, { timeout }, () => {
  for (const guest of ranges) for (const host of ranges) expectNegotiated(guest.toReversed(), host)
})

test('20,000 pairs of any sets in any order of preference', { timeout }, () => {
  const set = fc.shuffledSubarray([...ALL_VERSIONS], { minLength: 1 })
  fc.assert(fc.property(set, set, expectNegotiated), { seed: 90_000, numRuns: 20_000 })
})
