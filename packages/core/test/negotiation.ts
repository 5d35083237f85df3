import { expect } from 'vitest'
import { ALL_VERSIONS, ConnectionId, MessageId, Version, layouts, type VmbusVersion } from '../src/index.ts'
import { INTERRUPTS, pair, type Interrupts } from './pair.ts'

/** What must come out: the first of the guest's that the host has, 0 when they share none. */
const oracle = (guest: readonly VmbusVersion[], host: readonly VmbusVersion[]): VmbusVersion =>
  guest.find((version) => host.includes(version)) ?? 0

/** The contacts that reach the host: each up to the chosen one, but for those that a host before RS3 has no port for. */
const contacts = (guest: readonly VmbusVersion[], host: readonly VmbusVersion[]): number[] => {
  const chosen = oracle(guest, host)
  const tried = chosen === 0 ? guest : guest.slice(0, guest.indexOf(chosen) + 1)
  return tried.filter((version) => version < Version.v5_0 || host.some((each) => each >= Version.v5_0))
}

/** One guest before one host: the version in force at both ends, and every contact on its way there. */
export function expectNegotiated(guest: readonly VmbusVersion[], host: readonly VmbusVersion[]): void {
  for (const interrupts of INTERRUPTS) expectNegotiatedWith(interrupts, guest, host)
}

function expectNegotiatedWith(
  interrupts: Interrupts,
  guest: readonly VmbusVersion[],
  host: readonly VmbusVersion[],
): void {
  const world = pair({ guestVersions: guest, hostVersions: host, pages: 24, interrupts })
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
  expect(asked).toEqual(
    contacts(guest, host).map((version) => [
      version < Version.v5_0 ? ConnectionId.messages : ConnectionId.multiclient,
      version,
    ]),
  )
}

/** Every run of consecutive versions. */
export const ranges: VmbusVersion[][] = ALL_VERSIONS.flatMap((_, from) =>
  ALL_VERSIONS.slice(from).map((__, count) => ALL_VERSIONS.slice(from, from + count + 1)),
)
