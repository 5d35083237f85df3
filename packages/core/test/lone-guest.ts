import { createPartition, guestMemory, type GuestMemory, type Partition } from '@vmbus/hypervisor'
import { seeded, timerQueue, virtualClock, type TimerQueue } from '@vmbus/world'
import {
  Version,
  createGuestBus,
  pageAllocator,
  type GuestBehaviour,
  type GuestBus,
  type GuestBusEvent,
  type GuestChannel,
  type GuestDriver,
  type SavablePageAllocator,
} from '../src/index.ts'

export const SPY_CLASS = '11111111-2222-3333-4444-555555555555'

/** A guest of one processor before a host that is the test: what it posts and signals, and the way to answer. */
export interface LoneGuest {
  readonly guest: GuestBus
  readonly memory: GuestMemory
  readonly partition: Partition
  readonly pages: SavablePageAllocator
  readonly timers: TimerQueue
  /** Every message, in hex, in order. */
  readonly posted: string[]
  /** The connection of every signal. */
  readonly signals: number[]
  readonly events: GuestBusEvent[]
  readonly branches: unknown[]
  /** What its driver heard: `opened 5 0` is relid and status. */
  readonly heard: string[]
  /** Channels that its driver was shown. */
  readonly channels: GuestChannel[]
  /** What the driver does when it is told to read. */
  onReadable(work: (channel: GuestChannel) => void): void
  answer(hex: string): void
  /** Lets 100 ns units pass, and timers fire. */
  advance(ticks: number): void
}

export interface LoneGuestOptions {
  readonly version?: number
  readonly behaviour?: Partial<GuestBehaviour>
  readonly loaded?: readonly string[]
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const hexOf = (payload: Uint8Array): string => Buffer.from(payload).toString('hex')
/** A word as the wire has it. */
export const u32 = (value: number): string => hexOf(new Uint8Array(Uint32Array.of(value).buffer))

export function loneGuest({ version = Version.v6_0, behaviour, loaded }: LoneGuestOptions = {}): LoneGuest {
  const clock = virtualClock()
  const timers = timerQueue((name) => guest.timer(name))
  const memory = guestMemory(32 * 4096)
  const [posted, signals, branches, heard]: [string[], number[], unknown[], string[]] = [[], [], [], []]
  const channels: GuestChannel[] = []
  let readable = (_channel: GuestChannel): void => {}
  const partition = createPartition({
    memory,
    clock,
    timers: { set: () => {}, clear: () => {} },
    vps: 1,
    interrupt: (vp, vector) => guest.interrupt(vp, vector),
  })
  for (const connection of [1, 4])
    partition.connectMessagePort(connection, (_vp, _type, payload) => {
      posted.push(hexOf(payload))
      return 0
    })
  for (const connection of [2, 0x2005, 0x2006])
    partition.connectEventPort(connection, () => {
      signals.push(connection)
      return 0
    })
  const pages = pageAllocator(memory, 1, 32)
  const spy = (): GuestDriver => ({
    offered(channel) {
      heard.push(`offered ${channel.offer.relid}`)
      channels.push(channel)
    },
    opened: ({ offer }, status) => void heard.push(`opened ${offer.relid} ${status}`),
    readable(channel) {
      heard.push(`readable ${channel.offer.relid}`)
      readable(channel)
    },
    writable: ({ offer }) => void heard.push(`writable ${offer.relid}`),
    modified: ({ offer }, status) => void heard.push(`modified ${offer.relid} ${status}`),
    rescinded: ({ offer }) => void heard.push(`rescinded ${offer.relid}`),
    save: () => null,
    restore: (_state, restored) => void channels.push(...restored),
    inspect: () => ({}),
  })
  const guest = createGuestBus({
    partition,
    clock,
    timers,
    seed: seeded(1),
    versions: [version],
    drivers: [{ kind: 'spy', interfaceIds: [SPY_CLASS], create: spy }],
    pages,
    ...(behaviour && { behaviour }),
    ...(loaded && { loaded }),
    diagnose: ({ detail }) => branches.push(detail?.['branch']),
  })
  const events: GuestBusEvent[] = []
  guest.on((event) => events.push(event))
  return {
    guest,
    memory,
    partition,
    pages,
    timers,
    posted,
    signals,
    events,
    branches,
    heard,
    channels,
    onReadable: (work) => void (readable = work),
    answer: (hex) => void partition.postMessage(0, 2, 1, bytes(hex)),
    advance(ticks) {
      const until = clock.now() + ticks
      for (let at = timers.next(); at <= until; at = timers.next()) {
        clock.advanceTo(Math.max(at, clock.now()))
        timers.run(clock.now())
      }
      clock.advanceTo(until)
    },
  }
}

/** Starts it and accepts its contact: from 6.0 on with features, below 5.0 without a connection id (wire/02 §2). */
export function accept({ guest, posted, answer }: LoneGuest, version: number = Version.v6_0, features = 0): void {
  guest.start()
  const head = `0f000000 00000000 01 00 0000 ${version < Version.v5_0 ? u32(version) : '04000000'}`
  answer(version < Version.v6_0 ? head : `${head} ${u32(features)}`)
  posted.length = 0
}

/** OFFERCHANNEL, 196 bytes (wire/02 §2). */
export function offerOf(fields: {
  readonly relid: number
  readonly subchannelIndex?: number
  readonly device?: number
  readonly monitor?: string
  readonly dedicated?: string
  readonly connection?: number
}): string {
  const { relid, subchannelIndex = 0, device = relid, monitor = 'ff 00', dedicated = '0100' } = fields
  return [
    '01000000 00000000',
    // The first three fields of a GUID are little-endian.
    '11111111 2222 3333 4444 555555555555',
    `00000000 0000 0000 0000 0000000000${device.toString(16).padStart(2, '0')}`,
    '00000000 00000000 00000000 00000000',
    // Flags, MMIO megabytes, 120 bytes of user data, subchannel index, reserved.
    `0100 0800 a5${'00'.repeat(118)}5a ${u32(subchannelIndex)}`,
    `${u32(relid)} ${monitor} ${dedicated} ${u32(fields.connection ?? 0x2000 + relid)}`,
  ].join(' ')
}

/** Opens the channel of `relid` with rings of two pages each and answers for the host. */
export function openLone(lone: LoneGuest, relid: number): GuestChannel {
  const channel = lone.channels.find(({ offer }) => offer.relid === relid)
  if (channel === undefined) throw new Error('not shown')
  lone.posted.length = 0
  channel.open({ outPages: 2, inPages: 2 })
  const gpadl = lone.posted[0]?.slice(24, 32)
  lone.answer(`0a000000 00000000 ${u32(relid)} ${gpadl} 00000000`)
  lone.answer(`06000000 00000000 ${u32(relid)} ${u32(relid)} 00000000`)
  return channel
}
