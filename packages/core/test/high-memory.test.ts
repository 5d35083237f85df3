import { createPartition, guestMemory, takeEventFlags, triggerMonitor, type GuestMemory } from '@vmbus/hypervisor'
import { describe, expect, test, vi } from 'vitest'
import {
  MessageId,
  PACKET_WORDS,
  Row,
  Rx,
  Tx,
  Version,
  createGuestBus,
  createHostBus,
  encode,
  layouts,
  pageAllocator,
  ringArea,
  ringPagesFault,
  type GuestBus,
} from '../src/index.ts'
import { scopedTimers, seeded, timerQueue, virtualClock } from '@vmbus/world'
import { RING, bare, contactOld, contactV5, device, gpadlHeader, fixture, type Log } from './host-fixture.ts'

const FOUR_GIB = 0x1_0000_0000
const SIZE = FOUR_GIB + 64 * 4096
const HIGH_PFN = FOUR_GIB / 4096
const MONITORS = { parentToChildMonitor: FOUR_GIB + 0x1000, childToParentMonitor: FOUR_GIB + 0x2000 }
const INTERRUPTS = FOUR_GIB + 0x3000
const [MAJOR = 0] = process.versions.node.split('.').map(Number)

/**
 * RAM with 64 pages above 4 GiB, of which only those that are touched cost anything. Node 20 has no bytes there: its views
 * of single bytes end at 4 GiB, those of words do not.
 */
function highMemory(): GuestMemory {
  const buffer = new ArrayBuffer(SIZE)
  const length = MAJOR < 22 ? FOUR_GIB - 1 : SIZE
  return {
    size: SIZE,
    bytes: new Uint8Array(buffer, 0, length),
    view: new DataView(buffer, 0, length),
    words: new Int32Array(buffer),
    wrote: () => {},
  }
}
const memory = highMemory()

test('guest RAM above 4 GiB is there, or refused by name', () => {
  const make = (): GuestMemory => guestMemory(memory.words.buffer)
  if (MAJOR < 22) expect(make).toThrow('VMBUS_GUEST_MEMORY')
  else expect(make().size).toBe(SIZE)
})

test('a ring above 16 GiB is refused by name', () => {
  const fault = (pfn: number): string | undefined => ringPagesFault({ ...memory, size: 2 ** 40 }, [1, pfn])
  expect([fault(0x3f_ffff), fault(0x40_0000)]).toEqual([
    undefined,
    'page 4194304 is not in the first 16 GiB, where rings have to be',
  ])
})

describe('above 4 GiB', () => {
  test('rows of a drained ring have the whole address of a payload', () => {
    const pfns = [HIGH_PFN + 8, HIGH_PFN + 9, HIGH_PFN + 10]
    const area = ringArea(memory, pfns)
    const control = (pfns[0] ?? 0) * 1024
    memory.words.fill(0, control, control + 2048)
    const data = (pfns[1] ?? 0) * 1024
    // Type 6, header 16 bytes, 24 bytes long; the payload is 5, 6.
    memory.words.set([6 | (2 << 16), 3, 77, 0, 5, 6, 0, 0], data)
    memory.words[control] = 32
    const table = new Int32Array(2 * PACKET_WORDS)
    expect(new Rx(area).drain(table, 2, 1 << 20)).toBe(1)
    const gpa = ((table[Row.payload] ?? 0) >>> 0) + (table[Row.payloadHigh] ?? 0) * FOUR_GIB
    expect([table[Row.payloadLength], table[Row.bounced], gpa]).toEqual([8, 0, FOUR_GIB + 9 * 4096 + 16])
  })

  test('rows to send name it', () => {
    const copied: number[][] = []
    const bytes = Object.assign(new Uint8Array(0), {
      copyWithin: (...args: number[]) => void copied.push(args),
    }) as unknown as Uint8Array
    const tx = new Tx(ringArea({ ...memory, bytes }, [4, 5, 6]))
    const row = new Int32Array(PACKET_WORDS)
    row[Row.kind] = 6
    row[Row.payload] = 0x2010
    row[Row.payloadHigh] = 1
    row[Row.payloadLength] = 8
    expect(tx.sendv(row, 1)).toBe(1)
    expect(copied).toEqual([[5 * 4096 + 16, FOUR_GIB + 0x2010, FOUR_GIB + 0x2018]])
  })

  test('the host reads the monitor page', () => {
    const log: Log = { calls: [] }
    const made = fixture({}, memory)
    made.bus.offer(device(log, undefined, undefined, 1000))
    made.post(4, contactV5(Version.v5_3, MONITORS))
    made.post(4, bare(MessageId.requestOffers))
    made.post(4, gpadlHeader(1, 10, [RING, RING + 1, RING + 2, RING + 3]))
    made.post(4, encode(layouts.openChannel, MessageId.openChannel, { relid: 1, ringGpadl: 10, downstreamOffset: 2 }))
    memory.words.set([6 | (2 << 16), 2, 0, 0, 0, 0], (RING + 1) * 1024)
    memory.words[RING * 1024] = 24
    triggerMonitor(memory, MONITORS.childToParentMonitor, 0)
    made.bus.monitor()
    expect(log.calls).toEqual(['open 0', 'readable'])
    // The trigger is at byte 8 of the page, and taken.
    expect(memory.words[(MONITORS.childToParentMonitor + 8) / 4]).toBe(0)
    made.bus.dispose()
  })

  test('the host sets and takes bits of the interrupt page', () => {
    const log: Log = { calls: [] }
    const wrote: number[][] = []
    const made = fixture({}, { ...memory, wrote: (gpa, length) => void wrote.push([gpa, length]) })
    made.bus.offer(device(log))
    made.post(1, contactOld(Version.v1_1, { interruptPage: INTERRUPTS }))
    made.post(1, bare(MessageId.requestOffers))
    for (const page of [RING, RING + 1, RING + 2, RING + 3]) memory.words.fill(0, page * 1024, page * 1024 + 1024)
    made.post(1, gpadlHeader(1, 10, [RING, RING + 1, RING + 2, RING + 3]))
    made.post(1, encode(layouts.openChannel, MessageId.openChannel, { relid: 1, ringGpadl: 10, downstreamOffset: 2 }))
    log.channel?.sendInBand(new Uint8Array(0), 1, 0, false)
    // Bit 1 of the host→guest half.
    expect(memory.words[INTERRUPTS / 4]).toBe(2)
    expect(wrote).toContainEqual([INTERRUPTS, 1])
    memory.words.set([6 | (2 << 16), 2, 0, 0, 0, 0], (RING + 1) * 1024)
    memory.words[RING * 1024] = 24
    memory.words[(INTERRUPTS + 2048) / 4] = 2
    made.guest.signalEvent(2)
    expect(log.calls).toEqual(['open 0', 'readable'])
    expect(memory.words[(INTERRUPTS + 2048) / 4]).toBe(0)
    made.bus.dispose()
  })

  test.each([
    ['1.1, by the interrupt page', Version.v1_1, 0],
    ['5.3, by the monitor page', Version.v5_3, 1000],
  ])('a guest whose pages are there works with %s', (_name, version, monitorLatency) => {
    for (let page = 0; page < 64; page++) memory.words.fill(0, (HIGH_PFN + page) * 1024, (HIGH_PFN + page + 1) * 1024)
    const [clock, timers] = [virtualClock(), timerQueue((name) => name.startsWith('bus/') && bus.timer(name.slice(4)))]
    const partition = createPartition({
      memory,
      clock,
      timers,
      vps: 1,
      interrupt: (vp, vector) => guest.interrupt(vp, vector),
    })
    const common = { partition, clock, seed: seeded(1), versions: [version] }
    const bus = createHostBus({ ...common, timers: scopedTimers(timers, 'bus') })
    const log: Log = { calls: [] }
    bus.offer(device(log, undefined, undefined, monitorLatency))
    let heard = 0
    // Low pages for what goes by bytes (messages), then high ones: rings, interrupt and monitor pages, event flags.
    const low = pageAllocator(memory, 1, 16)
    const high = pageAllocator({ ...memory, bytes: new Uint8Array(0) }, HIGH_PFN + 16, HIGH_PFN + 64)
    let calls = 0
    const guest: GuestBus = createGuestBus({
      ...common,
      timers: scopedTimers(timers, 'guest'),
      // The hypercall page, four pages of which the first is the input, message pages; the rest is high.
      pages: {
        allocate: (count) => {
          calls++
          if (calls === 2) return [...low.allocate(1), ...high.allocate(count - 1)]
          return calls === 1 || calls === 3 ? low.allocate(count) : high.allocate(count)
        },
        free: () => {},
      },
      drivers: [
        {
          kind: 'probe',
          interfaceIds: ['f8615163-df3e-46c5-913f-f2d2f965ed0e'],
          create: () => ({
            offered: (channel) => channel.open({ outPages: 2, inPages: 2 }),
            opened: ({ channel }) => void channel?.sendInBand(new Uint8Array(0), 7, 0, false),
            readable: ({ channel }) => {
              while (channel?.receive() !== undefined) heard++
            },
            rescinded: () => {},
            save: () => null,
            restore: () => {},
            inspect: () => ({}),
          }),
        },
      ],
    })
    guest.start()
    clock.advanceTo(1000)
    timers.run(1000)
    expect(log.calls).toEqual(['open 0', 'readable'])
    expect(log.channel?.sendInBand(new Uint8Array(0), 1, 0, false)).toBe(true)
    expect(heard).toBe(1)
    expect(guest.devices[0]?.channels[0]?.channel?.gpadl(1)).toBeUndefined()
    bus.dispose()
  })
})

describe('control words are fenced', () => {
  test.each([
    [true, 'ArrayBuffer', new ArrayBuffer(4 * 4096)],
    [false, 'SharedArrayBuffer', new SharedArrayBuffer(4 * 4096)],
  ])('%s when the memory says so, over a %s', (concurrent, _class, source) => {
    const area = ringArea(guestMemory({ source, concurrent }), [1, 2, 3])
    const [store, load] = [vi.spyOn(Atomics, 'store'), vi.spyOn(Atomics, 'load')]
    try {
      const tx = new Tx(area)
      tx.send(6, 0, new Uint8Array(8), 1, 0)
      tx.publish()
      expect([store.mock.calls.length > 0, load.mock.calls.length > 0]).toEqual([concurrent, concurrent])
      expect(new Rx(area).next()).toBe(1)
    } finally {
      store.mockRestore()
      load.mockRestore()
    }
  })

  test('guest memory over a SharedArrayBuffer is concurrent unless it is said not to be', () => {
    const of = (source: ArrayBufferLike, concurrent?: boolean): unknown =>
      guestMemory({ source, ...(concurrent !== undefined && { concurrent }) }).concurrent
    expect([of(new ArrayBuffer(4096)), of(new SharedArrayBuffer(4096))]).toEqual([false, true])
    expect([of(new ArrayBuffer(4096), true), of(new SharedArrayBuffer(4096), false)]).toEqual([true, false])
    expect(guestMemory({ size: 4096, shared: true }).concurrent).toBe(true)
  })
})

test('event flags above 4 GiB are taken where they are', () => {
  memory.words[(FOUR_GIB + 0x4000 + 512) / 4] = 0b110
  const flags: number[] = []
  takeEventFlags(memory, FOUR_GIB + 0x4000, 2, (flag) => flags.push(flag))
  expect(flags).toEqual([1, 2])
})
