import { HV_STATUS, createPartition, guestMemory } from '@vmbus/hypervisor'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import {
  FREEBSD_POST,
  MessageId,
  Version,
  createGuestBus,
  encode,
  layouts,
  pageAllocator,
  type GuestBehaviour,
  type GuestBus,
} from '../src/index.ts'

interface Fixture {
  readonly guest: GuestBus
  /** Time and number of every message that reached the host. */
  readonly seen: { readonly at: number; readonly connection: number; readonly type: number }[]
  answer(payload: Uint8Array): void
  run(): void
}

/** A guest before a host that answers nothing by itself; `status` is what its hypercalls come back with. */
function fixture(
  versions: readonly number[],
  status: (attempt: number) => number,
  behaviour: Partial<GuestBehaviour> = {},
): Fixture {
  const clock = virtualClock()
  const seen: { at: number; connection: number; type: number }[] = []
  const timers = timerQueue((name) => guest.timer(name))
  const memory = guestMemory(32 * 4096)
  const partition = createPartition({
    memory,
    clock,
    timers: { set: () => {}, clear: () => {} },
    vps: 1,
    interrupt: (vp, vector) => guest.interrupt(vp, vector),
  })
  for (const connection of [1, 4]) {
    partition.connectMessagePort(connection, (_vp, _type, payload) => {
      seen.push({ at: clock.now(), connection, type: payload[0] ?? 0 })
      return status(seen.length)
    })
  }
  const guest = createGuestBus({
    partition,
    clock,
    timers,
    seed: seeded(1),
    versions,
    drivers: [],
    pages: pageAllocator(memory, 1, 32),
    behaviour,
  })
  return {
    guest,
    seen,
    answer: (payload) => void partition.postMessage(0, 2, 1, payload),
    run() {
      while (timers.next() !== Infinity) {
        clock.advanceTo(Math.max(clock.now(), timers.next()))
        timers.run(clock.now())
      }
    },
  }
}

const times = (seen: Fixture['seen']): number[] => seen.slice(1).map(({ at }, index) => at - (seen[index]?.at ?? 0))

describe('a host that does not take a message', () => {
  test('is asked again as Linux asks: after 1 µs, then twice as long each time, up to 100 times', () => {
    const { guest, seen, run } = fixture([Version.v4_0], () => HV_STATUS.insufficientBuffers)
    guest.start()
    run()
    expect(seen).toHaveLength(100)
    const delays = times(seen)
    expect(delays.slice(0, 4)).toEqual([10, 20, 40, 80])
    expect(Math.max(...delays)).toBe(10 * 2 ** 21)
    expect(guest.phase).toBe('failed')
  })

  test('is asked 20 times by FreeBSD, for any reason', () => {
    const { guest, seen, run } = fixture([Version.v4_0], () => HV_STATUS.invalidParameter, { post: FREEBSD_POST })
    guest.start()
    run()
    expect(seen).toHaveLength(20)
    expect(times(seen).slice(0, 2)).toEqual([10_000, 20_000])
  })

  test('for another reason is not asked again by Linux, and the next version has its turn', () => {
    const { guest, seen, run } = fixture([Version.v5_3, Version.v4_0], (attempt) =>
      attempt === 1 ? HV_STATUS.invalidParameter : 0,
    )
    guest.start()
    run()
    expect(seen.map(({ connection }) => connection)).toEqual([4, 1])
    expect(guest.phase).toBe('contacting')
  })

  test('messages keep their order over a retry', () => {
    const { guest, seen, answer, run } = fixture([Version.v4_1], (attempt) =>
      attempt === 2 ? HV_STATUS.insufficientBuffers : 0,
    )
    guest.start()
    answer(encode(layouts.versionResponse, MessageId.versionResponse, { supported: 1 }))
    guest.connectSocket('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002')
    run()
    expect(seen.map(({ type }) => type)).toEqual([
      MessageId.initiateContact,
      MessageId.requestOffers,
      MessageId.requestOffers,
      MessageId.tlConnectRequest,
    ])
  })
})

test('a guest posts to the connection that the host names', () => {
  const { guest, seen, answer } = fixture([Version.v5_0], () => 0)
  guest.start()
  answer(encode(layouts.versionResponse, MessageId.versionResponse, { supported: 1, selected: 1 }))
  expect(seen.map(({ connection, type }) => [connection, type])).toEqual([
    [4, MessageId.initiateContact],
    [1, MessageId.requestOffers],
  ])
})

test('an UNLOAD that nobody answers ends after its timeout', () => {
  const { guest, seen, answer, run } = fixture([Version.v5_0], () => 0, { unloadTimeout: 5000 })
  guest.start()
  answer(encode(layouts.versionResponse, MessageId.versionResponse, { supported: 1, selected: 4 }))
  guest.unload()
  expect([guest.phase, seen.at(-1)?.type]).toEqual(['unloading', MessageId.unload])
  run()
  expect(guest.phase).toBe('off')
})

test('a driver that never unloads below 3.0 just leaves', () => {
  const { guest, seen, answer } = fixture([Version.v2_4], () => 0, { unloadFrom: Version.v3_0 })
  guest.start()
  answer(encode(layouts.versionResponse, MessageId.versionResponse, { supported: 1 }))
  guest.unload()
  expect([guest.phase, seen.at(-1)?.type]).toEqual(['off', MessageId.requestOffers])
})
