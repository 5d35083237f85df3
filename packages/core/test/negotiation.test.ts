import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ALL_VERSIONS, ConnectionId, MessageId, Version, layouts, type VmbusVersion } from '../src/index.ts'
import { pair } from './pair.ts'

/** What must come out: the first of the guest's that the host has, 0 when they share none. */
const oracle = (guest: readonly VmbusVersion[], host: readonly VmbusVersion[]): VmbusVersion => guest.find((version) => host.includes(version)) ?? 0

/** The contacts that reach the host: each up to the chosen one, but for those that a host before RS3 has no port for. */
const contacts = (guest: readonly VmbusVersion[], host: readonly VmbusVersion[]): number[] => {
  const chosen = oracle(guest, host)
  const tried = chosen === 0 ? guest : guest.slice(0, guest.indexOf(chosen) + 1)
  return tried.filter((version) => version < Version.v5_0 || host.some((each) => each >= Version.v5_0))
}

function check(guest: readonly VmbusVersion[], host: readonly VmbusVersion[]): void {
  const world = pair({ guestVersions: guest, hostVersions: host, pages: 24 })
  world.guest.start()
  world.settle()
  const expected = oracle(guest, host)
  expect([world.guest.version, world.host.version]).toEqual([expected, expected])
  expect(world.guest.phase).toBe(expected === 0 ? 'failed' : 'running')
  const asked = world.trace.flatMap((event) =>
    event.kind === 'message' && event.to === 'host' && event.bytes[0] === MessageId.initiateContact
      ? [[event.connection, layouts.initiateContact.parse(event.bytes).version] as const]
      : [],
  )
  expect(asked).toEqual(contacts(guest, host).map((version) => [version < Version.v5_0 ? ConnectionId.messages : ConnectionId.multiclient, version]))
}

const ranges: VmbusVersion[][] = ALL_VERSIONS.flatMap((_, from) => ALL_VERSIONS.slice(from).map((__, count) => ALL_VERSIONS.slice(from, from + count + 1)))

describe('negotiation', () => {
  test(`each of the ${ranges.length} ranges of guest versions against each range of host versions`, () => {
    for (const guest of ranges) for (const host of ranges) check(guest.toReversed(), host)
  })

  test('any guest set in any order of preference against any host set', () => {
    const set = fc.shuffledSubarray([...ALL_VERSIONS], { minLength: 1 })
    fc.assert(fc.property(set, set, check), { seed: 20260, numRuns: 500 })
  })
})
