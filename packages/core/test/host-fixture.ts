import {
  createPartition,
  guestMemory,
  guestProcessor,
  takeEventFlags,
  type GuestMemory,
  type GuestProcessor,
  type Partition,
} from '@vmbus/hypervisor'
import { scopedTimers, seeded, timerQueue, virtualClock, type Diagnostic, type TimerQueue } from '@vmbus/world'
import {
  MessageId,
  Version,
  createHostBus,
  encode,
  layouts,
  type Channel,
  type HostBus,
  type HostBusOptions,
  type HostDeviceSpec,
  type MessageNumber,
} from '../src/index.ts'

const SIMP = 0x1000
const SIEFP = 0x2000
const INPUT = 0x3000
export const P2C = 0x5000
export const C2P = 0x6000
const INTERRUPT_PAGE = 0x7000
/** The second virtual processor's pages. */
const SIMP_1 = 0x8000
const SIEFP_1 = 0x9000
export const RING = 0x10

/** A host bus over a real partition, and the guest's processors as the test drives them. */
export interface Fixture {
  readonly bus: HostBus
  readonly partition: Partition
  readonly memory: GuestMemory
  readonly guest: GuestProcessor
  readonly timers: TimerQueue
  readonly diagnostics: Diagnostic[]
  branches(): unknown[]
  /** Turns the SynIC of a virtual processor on, or off again: a masked SINT. */
  enable(vp?: number): void
  mask(vp?: number): void
  /** Lets 100 ns units pass, and timers fire. */
  advance(ticks: number): void
  /** Posts and returns the status. */
  post(connection: number, payload: Uint8Array): number
  /** Every message that waits for a virtual processor, in order. */
  take(vp?: number, sint?: number): Uint8Array[]
  /** Event flags of VP 0, SINT 2. */
  flags(): number[]
}

export function fixture(options: Partial<HostBusOptions> = {}, memory: GuestMemory = guestMemory(64 * 4096)): Fixture {
  const clock = virtualClock()
  const diagnostics: Diagnostic[] = []
  const timers = timerQueue((name) => {
    if (name.startsWith('bus/')) bus.timer(name.slice(4))
  })
  const partition = createPartition({ memory, clock, timers, vps: 2, interrupt: () => {} })
  const bus = createHostBus({
    partition,
    clock,
    timers: scopedTimers(timers, 'bus'),
    seed: seeded(1),
    versions: [Version.v5_3, Version.v5_0, Version.v4_1, Version.v3_0, Version.v2_4, Version.v1_1, Version.v0_13],
    diagnose: (diagnostic) => diagnostics.push(diagnostic),
    ...options,
  })
  const processors = [0, 1].map((vp) => guestProcessor(partition, vp))
  const [guest, other] = processors
  if (guest === undefined || other === undefined) throw new Error('two processors')
  const pages = [
    { messagePage: SIMP, eventFlagsPage: SIEFP, vector: 0xf3 },
    { messagePage: SIMP_1, eventFlagsPage: SIEFP_1, vector: 0xf3 },
  ]
  const made: Fixture = {
    bus,
    partition,
    memory,
    guest,
    timers,
    diagnostics,
    branches: () => diagnostics.map(({ detail }) => detail?.['branch']),
    enable: (vp = 0) => processors[vp]?.enableSynic(pages[vp] ?? { messagePage: 0, eventFlagsPage: 0, vector: 0 }),
    mask: (vp = 0) => processors[vp]?.disableSynic(),
    advance(ticks) {
      const until = clock.now() + ticks
      for (let at = timers.next(); at <= until; at = timers.next()) {
        clock.advanceTo(Math.max(at, clock.now()))
        timers.run(clock.now())
      }
      clock.advanceTo(until)
    },
    post: (connection, payload) => guest.postMessage(INPUT, connection, 1, payload),
    take(vp = 0, sint = 2) {
      const messages: Uint8Array[] = []
      const slot = new Uint8Array(256)
      while (processors[vp]?.takeMessage(pages[vp]?.messagePage ?? 0, sint, slot) === true)
        messages.push(slot.slice(16, 16 + (slot[4] ?? 0)))
      return messages
    },
    flags() {
      const flags: number[] = []
      takeEventFlags(memory, SIEFP, 2, (flag) => flags.push(flag))
      return flags
    },
  }
  guest.enableHypercalls(0x8100_0006_0001_0000n, 0x4000)
  made.enable()
  return made
}

export const contactV5 = (version: number, fields: Record<string, number> = {}): Uint8Array =>
  encode(layouts.initiateContactV5, MessageId.initiateContact, {
    version,
    sint: 2,
    parentToChildMonitor: P2C,
    childToParentMonitor: C2P,
    ...fields,
  })
export const contactOld = (version: number, fields: Record<string, number> = {}): Uint8Array =>
  encode(layouts.initiateContact, MessageId.initiateContact, {
    version,
    interruptPage: INTERRUPT_PAGE,
    parentToChildMonitor: P2C,
    childToParentMonitor: C2P,
    ...fields,
  })
export const bare = (id: MessageNumber): Uint8Array => encode(layouts.bare, id, {})

export const NIC = 'f8615163-df3e-46c5-913f-f2d2f965ed0e'
export const INSTANCE = '00000000-0000-0000-0000-000000000001'
export const instance = (n: number): string => `00000000-0000-0000-0000-${n.toString(16).padStart(12, '0')}`

export interface Log {
  calls: string[]
  channel?: Channel
}
export const device = (log: Log, instanceId = INSTANCE, interfaceId = NIC, monitorLatency = 0): HostDeviceSpec => ({
  kind: 'probe',
  offer: { interfaceId, instanceId, monitorLatency },
  create: () => ({
    open(channel) {
      log.calls.push(`open ${channel.subchannelIndex}`)
      log.channel = channel
      return 0
    },
    readable: () => void log.calls.push('readable'),
    close: (channel) => void log.calls.push(`close ${channel.subchannelIndex}`),
    gpadlGone: (_channel, id) => void log.calls.push(`gone ${id}`),
    save: () => null,
    restore: (_state, [channel]) => void (channel !== undefined && (log.channel = channel)),
    inspect: () => ({}),
  }),
})

export const types = (messages: readonly Uint8Array[]): number[] => messages.map((message) => message[0] ?? 0)

export const gpadlHeader = (relid: number, gpadl: number, pfns: readonly number[]): Uint8Array => {
  const ranges = new Uint8Array(8 + pfns.length * 8)
  const view = new DataView(ranges.buffer)
  view.setUint32(0, pfns.length * 4096, true)
  pfns.forEach((pfn, index) => view.setUint32(8 + index * 8, pfn, true))
  return encode(layouts.gpadlHeader, MessageId.gpadlHeader, {
    relid,
    gpadl,
    rangeBytes: ranges.length,
    rangeCount: 1,
    ranges,
  })
}

export function connect(post: Fixture['post']): void {
  post(4, contactV5(Version.v5_3))
  post(4, bare(MessageId.requestOffers))
}

export function openFirst(post: Fixture['post']): void {
  post(1, gpadlHeader(1, 0xe1e10, [RING, RING + 1, RING + 2, RING + 3]))
  post(
    1,
    encode(layouts.openChannel, MessageId.openChannel, {
      relid: 1,
      openId: 1,
      ringGpadl: 0xe1e10,
      downstreamOffset: 2,
    }),
  )
}
