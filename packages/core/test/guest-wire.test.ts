import { guestProcessor } from '@vmbus/hypervisor'
import { describe, expect, test } from 'vitest'
import { Feature, Version } from '../src/index.ts'
import { instance } from './pair.ts'
import { SPY_CLASS, accept, loneGuest, offerOf, openLone, u32, type LoneGuest } from './lone-guest.ts'

/** The bus takes the lowest pages in this order: hypercall 1, input 2, interrupt 3, monitors 4 and 5, SynIC 6 and 7. */
const INTERRUPT_PAGE = 0x3000
const CHILD_TO_PARENT = 0x5000
/** The first channel's rings: pages 8 and 9 to the host, 10 and 11 to the guest. */
const RING_TO_HOST = 0x8000

function running(version: number = Version.v6_0, features = 0): LoneGuest {
  const lone = loneGuest({ version, behaviour: { features } })
  accept(lone, version, features)
  return lone
}

describe('a guest that nobody told otherwise', () => {
  test('has begun nothing before it starts', () => {
    expect(loneGuest().guest.save()).toEqual({
      kind: 'guest-bus',
      v: 3,
      phase: 'off',
      loaded: ['spy'],
      probes: [],
      attempt: 0,
      version: 0,
      features: 0,
      connection: 0,
      monitor: 0,
      allOffers: false,
      paused: 'no',
      nextMonitors: null,
      pages: {
        hypercall: 0,
        input: 0,
        interrupt: 0,
        parentToChildMonitor: 0,
        childToParentMonitor: 0,
        messages: [],
        eventFlags: [],
      },
      nextKey: 1,
      nextGpadl: 0xe1e10,
      nextOpenId: 1,
      devices: [],
      channels: [],
      gpadls: [],
      outgoing: [],
      tries: 0,
      postAt: 0,
      unloadAt: 0,
      dueAt: null,
      due: [],
      interrupts: [],
      rings: [],
      drivers: [],
    })
  })

  test('asks for no feature and takes none, from virtual processor 0 and by vector 0xf3', () => {
    const { guest, partition, posted, answer } = loneGuest()
    guest.start()
    // 40 bytes: version, VP 0, SINT 2, VTL 0, features 0, both monitor pages.
    expect(posted).toEqual([
      '0e0000000000000000000600000000000200000000000000' + '0040000000000000' + '0050000000000000',
    ])
    answer('0f000000 00000000 01 00 0000 04000000 ff000000')
    expect([guest.features, posted.at(-1)]).toEqual([0, '0300000000000000'])
    const processor = guestProcessor(partition)
    expect(processor.rdmsr(0x4000_0000)).toBe(0x8100_0006_0001_0000n)
    // Vector, and neither masked (bit 16) nor auto-EOI (17) nor polling (18).
    expect(processor.rdmsr(0x4000_0092) & 0x7_00ffn).toBe(0xf3n)
  })

  test.each([
    [Version.v4_1, '00300000'],
    [Version.v0_13, '00300000'],
  ])('names its interrupt page in a contact of version %i, as Linux does below 5.0', (version, interruptPage) => {
    const { guest, posted } = loneGuest({ version })
    guest.start()
    expect(posted).toEqual([
      `0e00000000000000${u32(version)}00000000${interruptPage}00000000` + '0040000000000000' + '0050000000000000',
    ])
  })

  test('waits 100 s for the answer to its UNLOAD', () => {
    const lone = running()
    lone.guest.unload()
    lone.advance(999_999_999)
    expect([lone.guest.phase, lone.posted]).toEqual(['unloading', ['1000000000000000']])
    lone.advance(1)
    expect(lone.guest.phase).toBe('off')
  })
})

describe('an offer', () => {
  test('is told with all of its fields', () => {
    const lone = running()
    lone.answer(offerOf({ relid: 5, monitor: '25 01', dedicated: '0000', connection: 0x1234 }))
    const userDefined = new Uint8Array(120)
    userDefined[0] = 0xa5
    userDefined[119] = 0x5a
    const known = { interfaceId: SPY_CLASS, instanceId: instance(5), subchannelIndex: 0, relid: 5 }
    expect(lone.channels[0]?.offer).toEqual({
      ...known,
      flags: 1,
      mmioMegabytes: 8,
      userDefined,
      monitorId: 0x25,
      monitorAllocated: true,
      dedicatedInterrupt: false,
      connectionId: 0x1234,
    })
    expect(lone.events.at(-1)).toEqual({ kind: 'offered', ...known, driver: 'spy' })
    lone.answer(offerOf({ relid: 6 }))
    expect(lone.channels[1]?.offer).toMatchObject({ monitorAllocated: false, dedicatedInterrupt: true })
  })

  test('that is shorter than 196 bytes is none, whatever its slot held before', () => {
    const lone = running()
    lone.answer(offerOf({ relid: 5 }))
    lone.answer(offerOf({ relid: 6 }).replaceAll(' ', '').slice(0, -2))
    lone.answer('02000000')
    expect([lone.heard, lone.branches]).toEqual([['offered 5'], ['message-short', 'message-short']])
  })
})

describe('a signal', () => {
  const send = (version: number, fields: { monitor?: string; dedicated?: string }): LoneGuest => {
    const lone = running(version)
    lone.answer(offerOf({ relid: 5, ...fields }))
    openLone(lone, 5).channel?.sendInBand(new Uint8Array(8), 1, 0, false)
    return lone
  }
  /** Relid 5 in the guest→host half of the interrupt page, 2 KiB into it. */
  const sendBits = ({ memory }: LoneGuest): number[] =>
    [0, 1].map((w) => memory.words[INTERRUPT_PAGE / 4 + 512 + w] ?? -1)

  test('of a dedicated channel is a hypercall alone', () => {
    const lone = send(Version.v5_3, {})
    expect([lone.signals, sendBits(lone)]).toEqual([[0x2005], [0, 0]])
  })

  test('of an undedicated one sets its bit first', () => {
    const lone = send(Version.v5_3, { dedicated: '0000' })
    expect([lone.signals, sendBits(lone)]).toEqual([[0x2005], [0x20, 0]])
  })

  test('below 1.1 goes to connection 2, dedicated or not', () => {
    const lone = send(Version.v0_13, {})
    expect([lone.signals, sendBits(lone)]).toEqual([[2], [0x20, 0]])
  })

  test('of a monitored one is a bit of the monitor page, unless its id is none of the 128', () => {
    const lone = send(Version.v5_3, { monitor: '25 01' })
    // Group 1 of the trigger groups that begin at 8 (wire/01 §8), bit 5.
    expect([lone.signals, sendBits(lone), lone.memory.words[(CHILD_TO_PARENT + 16) / 4]]).toEqual([[], [0x20, 0], 0x20])
    expect(send(Version.v5_3, { monitor: '80 01' }).signals).toEqual([0x2005])
    // Allocated is a bit: a number alone is no monitor.
    expect(send(Version.v5_3, { monitor: '25 00' }).signals).toEqual([0x2005])
  })
})

describe('OPENCHANNEL', () => {
  test.each([
    ['without features', 0, ''],
    ['with others', Feature.modifyConnection | Feature.pauseResume, ''],
    // The offer's connection id, the relid as event flag, and no flags.
    ['with signals of the guest’s choice', Feature.guestSpecifiedSignalParameters, '0520000005000000'],
    ['with redirection alone', Feature.channelInterruptRedirection, '0520000005000000'],
  ])('of version 6.0 %s', (_with, features, tail) => {
    const lone = running(Version.v6_0, features)
    lone.answer(offerOf({ relid: 5 }))
    openLone(lone, 5)
    // Relid 5, open id 5, the GPADL, VP 0, the other ring at page 2, 120 bytes of user data.
    expect(lone.posted.at(-1)).toBe(
      `05000000000000000500000005000000101e0e000000000002000000${'00'.repeat(120)}${tail}`,
    )
    expect(lone.heard).toEqual(['offered 5', 'opened 5 0'])
  })

  test('needs two pages for each ring', () => {
    const lone = running()
    lone.answer(offerOf({ relid: 5 }))
    const [channel] = lone.channels
    const free = lone.pages.available
    for (const [outPages, inPages] of [
      [1, 2],
      [2, 1],
    ] as const)
      expect(() => channel?.open({ outPages, inPages })).toThrow('VMBUS_CHANNEL_STATE')
    expect([channel?.state, lone.pages.available, lone.posted]).toEqual(['offered', free, []])
  })
})

describe('MODIFYCHANNEL', () => {
  const message = (vp: number): string => `160000000000000005000000${u32(vp)}`
  const opened = (version: number): LoneGuest => {
    const lone = running(version)
    lone.answer(offerOf({ relid: 5 }))
    openLone(lone, 5)
    lone.posted.length = 0
    return lone
  }

  test('is said once until the host answers, and then with the newest wish', () => {
    const lone = opened(Version.v5_3)
    const [channel] = lone.channels
    for (const vp of [1, 2, 3]) channel?.retarget(vp)
    expect([lone.posted, channel?.channel?.targetVp]).toEqual([[message(1)], 1])
    lone.answer('18000000 00000000 05000000 00000000')
    expect([lone.posted, channel?.channel?.targetVp]).toEqual([[message(1), message(3)], 3])
    lone.answer('18000000 00000000 05000000 00000000')
    lone.answer('18000000 00000000 05000000 00000000')
    expect(lone.posted).toEqual([message(1), message(3)])
    expect(lone.heard.slice(2)).toEqual(['modified 5 0', 'modified 5 0'])
    expect(lone.branches).toEqual(['modified-unknown'])
  })

  test('is answered by nobody below 5.3, and unknown below 4.1', () => {
    const lone = opened(Version.v4_1)
    for (const vp of [1, 2]) lone.channels[0]?.retarget(vp)
    expect(lone.posted).toEqual([message(1), message(2)])
    const older = opened(Version.v4_0)
    older.channels[0]?.retarget(1)
    expect([older.posted, older.channels[0]?.channel?.targetVp]).toEqual([[], 0])
  })
})

test('what was signalled while the monitor pages moved moves too, and only that', () => {
  const lone = running(Version.v6_0, Feature.modifyConnection)
  lone.guest.moveMonitorPages()
  const [message = ''] = lone.posted
  // Pages 8 and 9: the first that are free.
  expect(message).toBe('1900000000000000' + '0080000000000000' + '0090000000000000')
  const { words } = lone.memory
  const next = 0x9000
  // Four groups of a pending and an armed word, from byte 8 (wire/01 §8); a word before and one behind them.
  words.set([1, 2, 0x11, 0x12, 0x21, 0x22, 0x41, 0x42, 0x81, 0x82, 3], CHILD_TO_PARENT / 4)
  words.set([0x100, 0, 0x200, 0, 0x400, 0, 0x800, 0], next / 4 + 2)
  lone.answer('1a000000 00000000 00')
  expect([...words.subarray(next / 4, next / 4 + 11)]).toEqual([0, 0, 0x111, 0, 0x221, 0, 0x441, 0, 0x881, 0, 0])
  expect(lone.events.at(-1)).toEqual({ kind: 'monitor-pages', status: 0 })
})

describe('a probe that waits for its turn', () => {
  test('of a channel that is gone is none, first or second in the row', () => {
    const lone = loneGuest({ loaded: [], behaviour: { probing: 'tasks' } })
    accept(lone)
    for (const relid of [5, 6, 7]) lone.answer(offerOf({ relid }))
    lone.guest.load(['spy'])
    lone.answer('02000000 00000000 06000000')
    lone.answer('02000000 00000000 05000000')
    expect(lone.heard).toEqual([])
    lone.advance(0)
    expect(lone.heard).toEqual(['offered 7'])
    lone.answer('02000000 00000000 07000000')
    expect(lone.heard).toEqual(['offered 7', 'rescinded 7'])
  })
})

test('a guest looks for room each millisecond before a host that does not say when there is some', () => {
  // FreeBSD sets the feature bit of its own ring; this host sets none.
  const lone = loneGuest({ behaviour: { featureBits: 'out' } })
  accept(lone)
  lone.answer(offerOf({ relid: 5 }))
  const channel = openLone(lone, 5)
  // 16 of descriptor and 8 of trailer: 2056 bytes of 4096, of which two never fit.
  const send = (): boolean | undefined => channel.channel?.sendInBand(new Uint8Array(2032), 1, 0, false)
  expect([send(), send()]).toEqual([true, false])
  lone.onReadable(() => channel.channel?.wantWritable(2056))
  // A packet of the host makes the driver look: 16 bytes of descriptor, 8 of payload, 8 of trailer.
  lone.memory.words.set([6 | (2 << 16), 3], 0xb000 / 4)
  lone.memory.words[0xa000 / 4] = 32
  lone.partition.signalEvent(0, 2, 5)
  expect(lone.timers.next()).toBe(10_000)
  lone.advance(10_000)
  expect([lone.heard.includes('writable 5'), lone.timers.next()]).toEqual([false, 20_000])
  // The host reads the guest's packet and says nothing.
  lone.memory.words[RING_TO_HOST / 4 + 1] = 2056
  lone.onReadable(() => {})
  lone.advance(10_000)
  expect([lone.heard.includes('writable 5'), lone.timers.next()]).toEqual([true, Infinity])
})

test('GPADL ids go round at 2^32 without 0 and without those in use', () => {
  const lone = loneGuest({ behaviour: { gpadlStart: 0xffff_ffff } })
  accept(lone)
  lone.answer(offerOf({ relid: 5 }))
  const grant = (): number | undefined =>
    lone.channels.at(-1)?.createGpadl([{ byteOffset: 0, byteCount: 4096, pfns: lone.pages.allocate(1) }])
  expect([grant(), grant()]).toEqual([0xffff_ffff, 1])
  lone.guest.restore({ ...(lone.guest.save() as object), nextGpadl: 0xffff_ffff })
  expect([grant(), grant()]).toEqual([2, 3])
})

test('a guest that left touches no page that is not its own any more', () => {
  const lone = running()
  lone.guest.unload()
  lone.answer('11000000 00000000')
  expect(lone.guest.phase).toBe('off')
  lone.memory.bytes.fill(0xff, 0x2000)
  const before = lone.memory.bytes.slice()
  lone.guest.interrupt(0, 0xf3)
  expect(Buffer.compare(lone.memory.bytes, before)).toBe(0)
})

test('a guest without a device suspends, and comes back', () => {
  const lone = running()
  lone.answer('04000000 00000000')
  lone.guest.suspend()
  expect([lone.guest.phase, lone.posted]).toEqual(['suspending', ['1000000000000000']])
  lone.answer('11000000 00000000')
  expect(lone.guest.phase).toBe('suspended')
  lone.guest.resume()
  expect(lone.guest.phase).toBe('contacting')
})
