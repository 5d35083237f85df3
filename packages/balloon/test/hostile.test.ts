import type { Channel, GuestChannel, GuestDriverSpec, HostDeviceSpec } from '@vmbus/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { balloon, type BalloonHost, type PageRun } from '../src/index.ts'
import { BALLOON_INSTANCE, BALLOON_INTERFACE, packRuns } from '../src/protocol.ts'
import { guestRam } from './guest-ram.ts'
import { world, type World } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const PAGES = 64 * 256
  const EMPTY = new Uint8Array(4096)
  const idle = { close() {}, rescinded() {}, save: () => null, restore() {}, inspect: () => ({}) }

  /** A message of a type with a size that it claims and a body that it has; damaged ones among them. */
  interface Message {
    readonly type: number
    readonly lie: number
    readonly body: Uint8Array
  }

  const word = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]
  const range = fc.record({
    start: fc.oneof(fc.nat(PAGES + 300), fc.nat(2 ** 31), fc.constant(2 ** 40 - 1)),
    count: fc.oneof(fc.nat(600), fc.constant(2 ** 24 - 1)),
  })
  const ranges = fc.array(range, { maxLength: 12 }).map((list): PageRun[] => list)

  /** Bodies that are right, or nearly so, for the messages of the other end; `second` is the second word. */
  const withRanges = (second: (count: number) => number[]): fc.Arbitrary<Uint8Array> =>
    fc
      .tuple(ranges, fc.constantFrom(0, 0, 0, 1, -1, 2 ** 20))
      .map(([runs, off]) => Uint8Array.from([...second(Math.max(0, runs.length + off)), ...packRuns(runs)]))
  const fields = fc
    .array(fc.oneof(fc.nat(2000), fc.constant(0xffff_ffff)), { maxLength: 10 })
    .map((list) => Uint8Array.from(list.flatMap(word)))
  const more = fc.constantFrom(0, 1)
  const lie = fc.constantFrom(0, 0, 0, 0, 0, 8, -4, 4000)

  const toHost: fc.Arbitrary<Message> = more.chain((bit) =>
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          type: fc.constant(7),
          lie,
          body: withRanges((count) => [...word(0), ...word(((count << 1) | bit) >>> 0)]),
        }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constantFrom(1, 3, 5, 9, 11, 11), lie, body: fields }) },
      { weight: 1, arbitrary: fc.record({ type: fc.nat(20), lie, body: fc.uint8Array({ maxLength: 64 }) }) },
    ),
  )
  const toGuest: fc.Arbitrary<Message> = more.chain((bit) =>
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          type: fc.constant(8),
          lie,
          body: withRanges((count) => [...word(bit), ...word(count >>> 0)]),
        }),
      },
      { weight: 2, arbitrary: fc.record({ type: fc.constantFrom(2, 4, 6, 6, 6, 10, 12), lie, body: fields }) },
      { weight: 1, arbitrary: fc.record({ type: fc.nat(20), lie, body: fc.uint8Array({ maxLength: 64 }) }) },
    ),
  )

  function bytesOf({ type, lie: off, body }: Message): Uint8Array {
    const size = Math.max(0, 8 + body.length + off)
    return Uint8Array.from([type & 0xff, type >>> 8, size & 0xff, (size >>> 8) & 0xff, ...word(1), ...body])
  }

  const header = (type: number, ...body: number[]): Uint8Array =>
    bytesOf({ type, lie: 0, body: Uint8Array.from(body.flatMap(word)) })

  /** RAM in which only the rings of the one channel may change. */
  function untouched({ memory }: World, before: Uint8Array, pages: ReadonlySet<number>): void {
    for (let page = 0; page < memory.size / 4096; page++) {
      if (pages.has(page)) continue
      const at = page * 4096
      if (Buffer.compare(memory.bytes.subarray(at, at + 4096), before.subarray(at, at + 4096)) !== 0)
        throw new Error(`page ${page} was written`)
    }
  }

  /** Pages that change in a world whose ends behave: rings, SynIC and monitor pages. */
  function pagesInUse({ memory }: World): Set<number> {
    const pages = new Set<number>()
    for (let page = 0; page < memory.size / 4096; page++)
      if (Buffer.compare(memory.bytes.subarray(page * 4096, page * 4096 + 4096), EMPTY) !== 0) pages.add(page)
    return pages
  }

  test('a hostile guest: no page is counted twice or without being the guest’s, and nothing else happens', () => {
    let counted = 0
    fc.assert(
      fc.property(fc.array(toHost, { minLength: 1, maxLength: 20 }), fc.boolean(), (list, deaf) => {
        let guest: Channel | undefined
        const driver: GuestDriverSpec = {
          kind: 'balloon',
          interfaceIds: [BALLOON_INTERFACE],
          create: () => ({
            ...idle,
            offered: (channel) => channel.open({ outPages: 5, inPages: 5 }),
            opened(channel: GuestChannel) {
              guest = channel.channel
              guest?.sendInBand(header(1, 0x2_0000, 0), 0, 0, false)
              guest?.sendInBand(header(3, 0x1f, 0, 0, 0, 0, 0), 0, 0, false)
            },
            readable(channel) {
              if (!deaf) while (channel.channel?.receive() !== undefined);
            },
          }),
        }
        const owned = new Set<number>()
        const faults: string[] = []
        const made = world(
          balloon({
            bootPages: PAGES,
            settleSeconds: 1,
            reclaimed({ start, count }) {
              for (let page = start; page < start + count; page++) {
                if (page >= PAGES || owned.has(page)) faults.push(`page ${page}`)
                owned.add(page)
              }
            },
          }),
          driver,
          interrupts,
        )
        made.advance(3)
        const host = made.hostBus.devices[0]?.device as BalloonHost
        const before = made.memory.bytes.slice()
        const inUse = pagesInUse(made)
        for (const [i, message] of list.entries()) {
          if (i % 5 === 0) host.balloon(1000)
          guest?.sendInBand(bytesOf(message), 0, 0, false)
          made.advance(0.01)
        }
        made.advance(2)
        expect(faults).toEqual([])
        expect(host.balloonedPages).toBe(owned.size)
        expect(host.assignedPages).toBe(PAGES - owned.size + host.hotAddedPages)
        expect(host.hotAddedPages).toBe(0)
        counted += owned.size
        untouched(made, before, inUse)
      }),
      { seed: 21, numRuns: 60 },
    )
    expect(counted).toBeGreaterThan(10_000)
  })

  test('a hostile host: a guest frees only what it gave up, keeps its floor, and does not grow', () => {
    let given = 0
    fc.assert(
      fc.property(fc.array(toGuest, { minLength: 1, maxLength: 20 }), fc.boolean(), (list, deaf) => {
        let host: Channel | undefined
        const spec: HostDeviceSpec = {
          kind: 'balloon',
          offer: { interfaceId: BALLOON_INTERFACE, instanceId: BALLOON_INSTANCE },
          create: () => ({
            ...idle,
            open(channel) {
              host = channel
              return 0
            },
            readable(channel) {
              if (!deaf) while (channel.receive() !== undefined);
            },
          }),
        }
        const ram = guestRam({ pages: PAGES, fragmentedBy: 300 })
        const made = world(spec, balloon.driver({ memory: ram, reportDelay: 0 }), interrupts)
        made.advance(0.5)
        host?.sendInBand(header(2, 1, 0), 0, 0, false)
        made.advance(0.5)
        host?.sendInBand(header(4, 1, 0), 0, 0, false)
        made.advance(0.5)
        const total = ram.total()
        const before = made.memory.bytes.slice()
        const inUse = pagesInUse(made)
        for (const message of list) {
          host?.sendInBand(bytesOf(message), 0, 0, false)
          made.advance(0.1)
          expect(ram.total() + ram.count('taken')).toBe(total)
        }
        expect(ram.violations).toEqual([])
        expect(ram.available()).toBeGreaterThanOrEqual(8 * 256)
        given += ram.count('taken')
        untouched(made, before, inUse)
      }),
      { seed: 22, numRuns: 60 },
    )
    expect(given).toBeGreaterThan(10_000)
  })

  const BLOCK = 128 * 256
  const place = fc.oneof(
    fc.constantFrom(0, PAGES, BLOCK, BLOCK + 512, BLOCK + 1000, 2 * BLOCK, 3 * BLOCK, 2 ** 40 - 1),
    fc.nat(4 * BLOCK),
  )
  const amount = fc.oneof(
    fc.constantFrom(0, 1, 512, 488, BLOCK - 512, BLOCK, 2 * BLOCK, 2 ** 24 - 1),
    fc.nat(2 * BLOCK),
  )
  const wild = fc.record({ start: place, count: amount })
  const offer = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(wild, fc.option(wild, { nil: undefined })) },
    {
      weight: 2,
      arbitrary: wild.map((run): [PageRun, PageRun] => [
        run,
        { start: Math.floor(run.start / BLOCK) * BLOCK, count: BLOCK },
      ]),
    },
  )

  test('a hostile host: what is hot added is new to the guest, in whole regions, and counted as answered', () => {
    let [answered, refused] = [0, 0]
    fc.assert(
      fc.property(fc.array(offer, { minLength: 1, maxLength: 25 }), (offers) => {
        let host: Channel | undefined
        const answers: { readonly pages: number; readonly result: number }[] = []
        const spec: HostDeviceSpec = {
          kind: 'balloon',
          offer: { interfaceId: BALLOON_INTERFACE, instanceId: BALLOON_INSTANCE },
          create: () => ({
            ...idle,
            open: (channel) => ((host = channel), 0),
            readable(channel) {
              for (let packet = channel.receive(); packet !== undefined; packet = channel.receive()) {
                const view = new DataView(packet.bytes.buffer, packet.bytes.byteOffset + packet.payloadOffset)
                if (view.getUint16(0, true) === 11)
                  answers.push({ pages: view.getUint32(8, true), result: view.getUint32(12, true) })
              }
            },
          }),
        }
        const ram = guestRam({ pages: PAGES, hotAddBlock: BLOCK, hotAddParts: true })
        const made = world(spec, balloon.driver({ memory: ram, reportDelay: 0 }), interrupts)
        made.advance(0.5)
        host?.sendInBand(header(2, 1, 0), 0, 0, false)
        made.advance(0.5)
        host?.sendInBand(header(4, 1, 0), 0, 0, false)
        made.advance(0.5)
        for (const [range, region] of offers) {
          host?.sendInBand(
            bytesOf({ type: 10, lie: 0, body: packRuns(region === undefined ? [range] : [range, region]) }),
            0,
            0,
            false,
          )
          made.advance(0.1)
          const { pages, result } = answers.at(-1) ?? { pages: -1, result: -1 }
          expect(pages).toBeLessThanOrEqual(range.count)
          // Nothing added is no success.
          expect(result).toBe(pages > 0 ? 1 : 0)
          if (pages > 0) answered++
          else refused++
        }
        expect(answers).toHaveLength(offers.length)
        expect(ram.total()).toBe(PAGES + answers.reduce((sum, { pages }) => sum + pages, 0))
        expect(ram.violations).toEqual([])
      }),
      { seed: 23, numRuns: 120 },
    )
    expect(Math.min(answered, refused)).toBeGreaterThan(30)
  })

  test('a guest that asks for versions for ever and never listens is held back', () => {
    let guest: Channel | undefined
    const driver: GuestDriverSpec = {
      kind: 'balloon',
      interfaceIds: [BALLOON_INTERFACE],
      create: () => ({
        ...idle,
        offered: (channel) => channel.open({ outPages: 5, inPages: 5 }),
        opened: (channel) => void (guest = channel.channel),
        readable() {},
      }),
    }
    const made = world(balloon({}), driver, interrupts)
    made.advance(1)
    let sent = 0
    for (let round = 0; round < 2000; round++) {
      if (guest?.sendInBand(header(1, 0x9_0000, 0), 0, 0, false)) sent++
      made.advance(0.001)
    }
    // Two rings of 16 KiB and packets of 40 bytes.
    expect(sent).toBeLessThan(2 * 410 + 2)
    const saved = made.hostBus.devices[0]?.device.save() as { outbox: unknown[] }
    expect(saved.outbox.length).toBeLessThanOrEqual(1)
  })

  test('a host that asks for memory for ever and never listens is held back', () => {
    let host: Channel | undefined
    const spec: HostDeviceSpec = {
      kind: 'balloon',
      offer: { interfaceId: BALLOON_INTERFACE, instanceId: BALLOON_INSTANCE },
      create: () => ({ ...idle, open: (channel) => ((host = channel), 0), readable() {} }),
    }
    const made = world(spec, balloon.driver({ memory: guestRam({ pages: PAGES }), reportDelay: 0 }), interrupts)
    made.advance(0.5)
    host?.sendInBand(header(2, 1, 0), 0, 0, false)
    host?.sendInBand(header(4, 1, 0), 0, 0, false)
    made.advance(0.5)
    let sent = 0
    for (let round = 0; round < 2000; round++) {
      if (host?.sendInBand(header(6, 1, 0), 0, 0, false)) sent++
      made.advance(0.001)
    }
    made.advance(100)
    expect(sent).toBeLessThan(2 * 410 + 2)
    const saved = made.guestBus.devices[0]?.driver?.save() as { outbox: unknown[] }
    expect(saved.outbox.length).toBeLessThanOrEqual(1)
  })
})
