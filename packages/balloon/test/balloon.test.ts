import { describe, expect, test } from 'vitest'
import { balloon, type BalloonHost, type BalloonHostOptions, type BalloonQuirk } from '../src/index.ts'
import { balloonFloor } from '../src/floor.ts'
import { DM_VERSIONS, DmVersion } from '../src/protocol.ts'
import { guestRam, type GuestRamOptions } from './guest-ram.ts'
import { world } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const MIB = 256

  interface Options {
    readonly ram?: GuestRamOptions
    readonly host?: BalloonHostOptions
    readonly hostVersions?: readonly number[]
    readonly guestVersions?: readonly number[]
    readonly quirks?: readonly BalloonQuirk[]
  }

  function pair({
    ram: shape = { pages: 64 * MIB },
    host: hostOptions = {},
    hostVersions,
    guestVersions,
    quirks = [],
  }: Options = {}) {
    const ram = guestRam(shape)
    const made = world(
      balloon({ bootPages: shape.pages, settleSeconds: 2, ...hostOptions }),
      balloon.driver({
        memory: ram,
        reportDelay: 0,
        quirks,
        ...(guestVersions === undefined ? {} : { versions: guestVersions }),
      }),
      interrupts,
      hostVersions === undefined ? undefined : { versions: hostVersions },
    )
    const host = made.hostBus.devices[0]?.device as BalloonHost
    return { ram, host, ...made }
  }

  const transactions = (messages: readonly { to: string; bytes: Uint8Array }[], to: string): number[] =>
    messages
      .filter((each) => each.to === to)
      .map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true))

  describe('negotiation', () => {
    const subsets = Array.from({ length: 2 ** DM_VERSIONS.length }, (_, mask) =>
      DM_VERSIONS.filter((_version, i) => (mask >> i) & 1),
    )
    const cases = subsets.flatMap((hosts) => subsets.map((guests) => ({ hosts, guests })))
    test.each(cases)('host $hosts, guest $guests', ({ hosts, guests }) => {
      const { host, advance, guestBus } = pair({ hostVersions: hosts, guestVersions: guests.toReversed() })
      advance(10)
      const best = guests.filter((version) => hosts.includes(version)).at(-1)
      expect(host.ready).toBe(best !== undefined)
      const name = best === undefined ? '0.0' : `${best >>> 16}.${best & 0xffff}`
      expect(host.inspect()['version']).toBe(name)
      expect(guestBus.devices[0]?.channels[0]?.state).toBe(best === undefined ? 'offered' : 'open')
    })

    test('only a guest of 1.0 or later is told the most that it may have', () => {
      for (const version of DM_VERSIONS) {
        const { advance, messages } = pair({ hostVersions: [version], host: { maxPages: 1 << 20 } })
        advance(10)
        const types = messages.filter(({ to }) => to === 'guest').map(({ bytes }) => bytes[0])
        expect(types.includes(12)).toBe(version >= DmVersion.v1_0)
      }
    })
  })

  test('the ids of either end are unique and in order, from 1', () => {
    const { advance, host, messages } = pair({ host: { maxPages: 1 << 20 } })
    advance(5)
    host.balloon(700)
    advance(3)
    host.unballoon(300)
    advance(3)
    const guest = transactions(messages, 'host')
    expect(guest).toEqual(guest.map((_, i) => i + 1))
    // Answers of a host carry the id of what they answer; its own messages count: information, balloon, unballoon.
    const own = messages.filter(({ to, bytes }) => to === 'guest' && ![2, 4].includes(bytes[0] ?? 0))
    expect(transactions(own, 'guest')).toEqual([1, 2, 3])
  })

  test('a guest gives up what it is asked for and takes it back', () => {
    const { ram, events, host, advance } = pair()
    advance(1)
    expect(host.balloon(10)).toBe('not-ready')
    const phase = (): unknown => host.inspect()['phase']
    expect(phase()).toBe('settling')
    advance(2)
    expect(phase()).toBe('idle')
    expect(host.balloon(5000)).toBe('begun')
    expect(host.balloon(1)).toBe('busy')
    expect(phase()).toBe('balloon')
    advance(1)
    expect(phase()).toBe('idle')
    expect([host.balloonedPages, host.assignedPages, ram.total()]).toEqual([5000, 64 * MIB - 5000, 64 * MIB - 5000])
    expect(host.unballoon(1234)).toBe('begun')
    advance(1)
    expect([host.balloonedPages, ram.count('taken')]).toEqual([3766, 3766])
    expect(
      events
        .filter(({ name }) => name !== 'pressure')
        .map(({ name, detail }) => [name, (detail as { done?: number } | undefined)?.done]),
    ).toEqual([
      ['negotiated', undefined],
      ['capabilities', undefined],
      ['ready', undefined],
      ['balloon', 5000],
      ['unballoon', 1234],
    ])
    expect([
      host.balloon(0),
      host.balloon(0.5),
      host.balloon(Number.NaN),
      host.unballoon(0.5),
      host.hotAdd({ start: 1 << 20, count: 1 << 15 }),
    ]).toEqual(['nothing-to-do', 'nothing-to-do', 'nothing-to-do', 'nothing-to-do', 'not-supported'])
  })

  test('at its floor a guest gives up less, then nothing, and says how much', () => {
    const { ram, host, advance, events } = pair()
    advance(4)
    host.balloon(60 * MIB)
    advance(1)
    const floor = balloonFloor(64 * MIB)
    expect(ram.available()).toBe(floor)
    expect(host.balloonedPages).toBe(64 * MIB - floor)
    host.balloon(MIB)
    advance(1)
    // Less memory in all is a lower floor: compute_balloon_floor halves the total.
    const second = ram.count('free')
    expect(second).toBeGreaterThanOrEqual(balloonFloor(floor))
    expect(events.findLast(({ name }) => name === 'balloon')?.detail).toMatchObject({ asked: MIB })
    expect(host.balloonedPages + ram.total()).toBe(64 * MIB)
  })

  test('a kernel before 5.6 gives up whole 2 MiB and no more when it meets its floor, and what it is asked for above it', () => {
    const { ram, host, advance } = pair({ ram: { pages: 64 * MIB + 100 }, quirks: ['whole-chunks-at-floor'] })
    advance(4)
    host.balloon(700)
    advance(1)
    expect(host.balloonedPages).toBe(700)
    host.balloon(60 * MIB)
    advance(1)
    // 15,784 pages are left, 9,940 are the floor (8 MiB and half of them): 5,844, of which 5,632 are whole 2 MiB.
    expect([ram.total(), host.balloonedPages]).toEqual([15_784 - 5_632, 700 + 5_632])
  })

  test('memory in pieces takes several answers, and as many messages back', () => {
    const { ram, host, advance, messages } = pair({ ram: { pages: 64 * MIB, fragmentedBy: 2 } })
    advance(4)
    // Half of the pages are free, one by one: 510 to an answer.
    expect(host.balloon(1200)).toBe('begun')
    advance(1)
    expect(host.balloonedPages).toBe(0)
    ram.unuse(8192)
    host.balloon(1200)
    advance(1)
    expect(host.balloonedPages).toBe(1200)
    const answers = messages.filter(({ bytes }) => bytes[0] === 7)
    expect(answers.length).toBeGreaterThan(1)
    host.unballoon(1200)
    advance(1)
    expect([host.balloonedPages, ram.count('taken')]).toEqual([0, 0])
    expect(ram.violations).toEqual([])
  })

  describe('hot add', () => {
    const hot = { pages: 64 * MIB, hotAddBlock: 32_768 }
    const first = { start: 128 * MIB, count: 128 * MIB }

    test('brings whole blocks on the declared alignment', () => {
      const { ram, host, advance } = pair({ ram: hot })
      advance(4)
      expect(host.hotAdd({ ...first, start: 64 * MIB })).toBe('misaligned')
      expect(host.hotAdd({ ...first, start: 0 })).toBe('misaligned')
      expect(host.hotAdd({ ...first, start: 128.5 })).toBe('misaligned')
      expect(host.hotAdd({ ...first, count: 2 ** 24 })).toBe('nothing-to-do')
      expect(host.hotAdd({ ...first, count: 0.5 })).toBe('nothing-to-do')
      expect(host.hotAdd({ start: 2 ** 40, count: 1 })).toBe('nothing-to-do')
      expect(host.hotAdd(first)).toBe('begun')
      advance(1)
      expect([host.hotAddedPages, ram.total(), host.assignedPages]).toEqual([128 * MIB, 192 * MIB, 192 * MIB])
      expect(host.hotAdd({ start: 512 * MIB, count: 128 * MIB })).toBe('misaligned')
      expect(host.hotAdd({ start: 256 * MIB, count: 128 * MIB })).toBe('begun')
      advance(1)
      expect(host.assignedPages).toBe(ram.total())
      host.balloon(150 * MIB)
      advance(1)
      expect([host.balloonedPages, host.assignedPages]).toEqual([150 * MIB, ram.total()])
      expect(ram.violations).toEqual([])
    })

    test('fills a region in parts, in order, before the next begins', () => {
      const { ram, host, advance, messages } = pair({ ram: { ...hot, hotAddParts: true } })
      advance(4)
      const { start } = first
      const add = (from: number, count: number): string => {
        const answer = host.hotAdd({ start: from, count })
        advance(1)
        return answer
      }
      expect(add(start, 1000)).toBe('begun')
      expect([host.hotAddedPages, ram.total()]).toEqual([1000, 64 * MIB + 1000])
      // A gap, the same again, a block further on, and more than the region holds.
      for (const [from, count] of [
        [start + 1001, 1],
        [start, 1000],
        [start + 256 * MIB, 1],
        [start + 1000, 128 * MIB - 999],
      ] as const)
        expect(add(from, count)).toBe('misaligned')
      expect(add(start + 1000, 24)).toBe('begun')
      expect(add(start + 1024, 128 * MIB - 1024)).toBe('begun')
      expect(add(start + 128 * MIB, 5)).toBe('begun')
      // What is left of a region may stay unused.
      expect(add(start + 256 * MIB, 7)).toBe('begun')
      expect([host.hotAddedPages, host.assignedPages, ram.total()]).toEqual([
        128 * MIB + 12,
        192 * MIB + 12,
        192 * MIB + 12,
      ])
      host.balloon(150 * MIB)
      advance(1)
      expect(host.balloonedPages).toBeGreaterThan(64 * MIB)
      expect([host.balloonedPages, host.assignedPages]).toEqual([ram.count('taken'), ram.total()])
      // Range and region, 40 bits of start and 24 of count (wire/07 §1): the region is the same for its three parts.
      const regions = messages
        .filter(({ bytes }) => bytes[0] === 10)
        .map(({ bytes }) => Buffer.from(bytes.subarray(16, 24)).toString('hex'))
      expect(regions).toEqual([
        '0080000000008000',
        '0080000000008000',
        '0080000000008000',
        '0000010000008000',
        '0080010000008000',
      ])
      expect(ram.violations).toEqual([])
    })

    test('less than was offered is the guest’s ceiling', () => {
      const { host, advance, ram } = pair({ ram: hot })
      advance(4)
      host.hotAdd({ ...first, count: 200 * MIB })
      advance(1)
      expect([host.hotAddedPages, ram.total()]).toEqual([128 * MIB, 192 * MIB])
      expect(host.hotAdd({ start: 256 * MIB, count: 128 * MIB })).toBe('not-supported')
    })

    test('nothing added is no end: the host may try again', () => {
      const { host, advance, events, messages } = pair({ ram: { ...hot, hotAddBlock: 1 << 20 } })
      advance(4)
      host.hotAdd(first)
      advance(1)
      expect(events.findLast(({ name }) => name === 'hot-add')).toMatchObject({
        detail: { done: 0, failed: 'the guest added nothing' },
      })
      // Pages 0, result 0: success without pages would be final.
      expect(messages.findLast(({ bytes }) => bytes[0] === 11)?.bytes.subarray(8, 16)).toEqual(new Uint8Array(8))
      expect(host.hotAdd(first)).toBe('begun')
    })
  })

  test('pressure: available pages, and committed ones with the balloon and the floor', () => {
    const { ram, host, advance } = pair()
    advance(4)
    ram.use(3000)
    host.balloon(2000)
    advance(2)
    const total = 64 * MIB - 2000
    // floor = 8 MiB + total/2 below 128 MiB.
    expect(host.pressure).toEqual({ available: total - 3000, committed: 3000 + 2000 + 8 * MIB + total / 2 })
  })

  test('an operation out of time is reported once; its answer is counted when it comes', () => {
    const { host, advance, events, guestBus, ram, hostBus } = pair({ host: { timeoutSeconds: 3 } })
    advance(4)
    const channel = guestBus.devices[0]?.channels[0]?.channel
    // The guest stops listening: its interrupts are masked.
    channel?.mask(true)
    expect(host.balloon(100)).toBe('begun')
    advance(5)
    expect(events.filter(({ name }) => name === 'balloon')).toEqual([
      { name: 'balloon', detail: { asked: 100, done: 0, failed: 'the guest did not answer in time' } },
    ])
    expect(host.balloon(7)).toBe('busy')
    channel?.mask(false)
    guestBus.devices[0]?.driver?.readable(guestBus.devices[0].channels[0]!)
    advance(1)
    expect([host.balloonedPages, ram.count('taken')]).toEqual([100, 100])
    expect(events.findLast(({ name }) => name === 'late')?.detail).toEqual({
      operation: 'balloon',
      asked: 100,
      done: 100,
    })
    expect(host.balloon(7)).toBe('begun')
    advance(1)
    expect(host.balloonedPages).toBe(107)
    expect(hostBus.inspect()).toBeDefined()
  })

  test('an owner who is told that the channel closed cannot begin the next operation over it', () => {
    const { host, advance, hostBus, guestBus } = pair()
    advance(4)
    guestBus.devices[0]?.channels[0]?.channel?.mask(true)
    host.balloon(100)
    const answers: string[] = []
    hostBus.on((event) => {
      if (event.kind === 'device' && event.name === 'balloon') answers.push(host.balloon(5))
    })
    hostBus.devices[0]?.rescind()
    expect(answers).toEqual(['not-ready'])
  })

  test('a rescind ends the operation, and the ballooned pages stay with the guest', () => {
    const { host, advance, events, hostBus, ram, guestBus } = pair()
    advance(4)
    host.balloon(512)
    advance(1)
    host.balloon(100)
    // A guest that is interrupted at once has answered.
    hostBus.devices[0]?.rescind()
    expect(
      events.filter(({ name }) => name === 'balloon').map(({ detail }) => (detail as { failed?: string }).failed),
    ).toEqual([undefined, interrupts === 'immediate' ? undefined : 'the channel closed'])
    advance(5)
    expect(guestBus.devices).toEqual([])
    expect(ram.violations).toEqual([])
  })

  test('over a reopened channel the accounts and the numbers go on', () => {
    const { host, advance, guestBus, messages } = pair()
    advance(4)
    host.balloon(700)
    advance(1)
    guestBus.suspend()
    advance(5)
    const before = messages.length
    guestBus.resume()
    advance(5)
    expect(host.ready).toBe(true)
    expect(host.balloonedPages).toBe(700)
    const ids = transactions(messages, 'host')
    expect(ids).toEqual(ids.map((_, i) => i + 1))
    expect(messages.length).toBeGreaterThan(before)
    host.unballoon(700)
    advance(1)
    expect(host.balloonedPages).toBe(0)
  })
})
