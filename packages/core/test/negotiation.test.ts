import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ALL_VERSIONS } from '../src/index.ts'
import { expectNegotiated, ranges } from './negotiation.ts'

/** Hosts as they were: each Windows Server speaks its version and all before it. */
const hosts = ALL_VERSIONS.map((_, index) => ALL_VERSIONS.slice(0, index + 1))

test(`each of the ${ranges.length} ranges of guest versions against each of ${hosts.length} hosts`, () => {
  expect([ranges.length, hosts.length]).toEqual([66, 11])
  for (const guest of ranges) for (const host of hosts) expectNegotiated(guest.toReversed(), host)
})

test('any guest set in any order of preference against any host set', () => {
  const set = fc.shuffledSubarray([...ALL_VERSIONS], { minLength: 1 })
  fc.assert(fc.property(set, set, expectNegotiated), { seed: 20260, numRuns: 300 })
})
