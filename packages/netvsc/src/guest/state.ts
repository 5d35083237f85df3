import type { GuestChannel, GuestDriverDeps, PageRange, RequestTable, SavedRequests } from '@vmbus/core'
import { NvspVersion } from '../protocol/nvsp.ts'
import { ANSWER_TICKS, DRAIN_TICKS, type NetvscGuestOptions } from './options.ts'
import type { Receiver } from './receive.ts'
import type { SendBuffers } from './sending.ts'
import type { NetvscGuestReject } from '../rejects.ts'

export const GUEST_PHASES = ['offered', 'opening', 'setup', 'ready', 'stopping', 'stopped', 'failed'] as const
export type GuestPhase = (typeof GUEST_PHASES)[number]

/** A packet that found its ring full. `id` is its transaction id, 0 without a completion. */
export type Outgoing =
  | { readonly kind: 'in-band'; readonly payload: Uint8Array; readonly id: number }
  | { readonly kind: 'gpa'; readonly ranges: readonly PageRange[]; readonly payload: Uint8Array; readonly id: number }

/** `kept` has been completed, and its id is not given again. */
export const PACKET_KINDS = ['request', 'control', 'section', 'pages', 'kept'] as const

/** A packet of ours that the host has not completed. Used again for later packets, so that a send costs no garbage. */
export interface SentPacket {
  kind: (typeof PACKET_KINDS)[number]
  queue: number
  /** NVSP type of a request. */
  type: number
  /** Of the send buffer. */
  section: number
  /** Pages of a frame that no section took. */
  pfns: number[]
}

/** A send section that is being filled. */
export interface Batch {
  /** -1: none is. */
  section: number
  used: number
  frames: number
  /** Where the last message begins: padding before the next one belongs to it. */
  lastAt: number
}

/** The status that a received packet is completed with, and its id. */
interface Receipt {
  low: number
  high: number
  status: number
}

/** What passed a channel since it opened. */
export interface QueueStatistics {
  framesSent: number
  bytesSent: number
  framesReceived: number
  bytesReceived: number
}

/** What the host said that it does for the driver, as far as the driver asked for it. */
export interface GuestOffloads {
  /** Checksums that it fills in. */
  tcpV4: boolean
  udpV4: boolean
  tcpV6: boolean
  udpV6: boolean
  /** The longest frame that it cuts into TCP segments, bytes; 0: none. */
  lsoV4: number
  lsoV6: number
  /** Coalesced packets may come. */
  rsc: boolean
}

/** Receive side scaling: the hash key, 40 bytes, and the channel of each of 128 hashes. */
export interface GuestRss {
  key: Uint8Array
  table: number[]
  enabled: boolean
  /** The owner chose the table: it outlives a change of the channels, as far as these are there. */
  chosen: boolean
}

export interface GuestQueue extends QueueStatistics {
  open: boolean
  outgoing: Outgoing[]
  /** Received packets whose receipts found the ring full, oldest first: they go before anything else does. */
  owed: Receipt[]
  batch: Batch
  /** `send` said false: `onWritable` is due. */
  blocked: boolean
}

/** A buffer that the host was granted. */
export interface GrantedBuffer {
  gpadl: number
  pfns: number[]
  created: boolean
  tearing: boolean
}

/** An RNDIS request: under way, or waiting for its turn. */
export interface ControlRequest {
  readonly type: number
  readonly oid: number
  readonly body: Uint8Array
}

export interface GuestStatistics {
  framesSent: number
  bytesSent: number
  framesReceived: number
  bytesReceived: number
  /** Packets or ranges from the host that could not be parsed. */
  receiveErrors: number
  /** Sends that the host completed with another status than success. */
  sendErrors: number
  /** NVSP messages with more than one frame. */
  aggregated: number
}

export interface NetvscGuestState {
  phase: GuestPhase
  /** The step that setup or teardown waits in. */
  step: string
  version: number
  /** Index of the version asked for, newest first. */
  attempt: number
  mtu: number
  mac: Uint8Array
  linkUp: boolean
  /** In 100 bit/s. */
  linkSpeed: number
  filter: number
  wantedFilter: number
  receive: GrantedBuffer | null
  send: GrantedBuffer | null
  subAllocation: number
  sectionSize: number
  /** Sections that nobody uses: memory, and no requests; the packet that lends one to the host is in `sent`. */
  sections: number[]
  mostPackets: number
  alignment: number
  /** Subchannels that the host promised. */
  subchannels: number
  requestedSubchannels: number
  queues: (GuestQueue | null)[]
  pages: number[]
  controlPage: number
  control: { current: ControlRequest | null; id: number; waiting: ControlRequest[] }
  vf: { serial: number } | null
  dataPath: number
  sendTable: number[]
  offload: GuestOffloads
  /** Coalescing is wanted. */
  coalesces: boolean
  /** Most channels, by the driver's choice … */
  channelLimit: number
  /** … and by what the host said. */
  hostChannels: number
  rss: GuestRss
  statistics: GuestStatistics
  /** Starts again once stopped: an MTU change. */
  restart: boolean
  failure: string
  /** When waiting ends, Infinity without a wait. */
  answerAt: number
}

/** What a driver saves. */
export interface SavedNetvscGuest extends NetvscGuestState {
  readonly sent: SavedRequests<SentPacket>
}

export const noOffloads = (): GuestOffloads => ({
  tcpV4: false,
  udpV4: false,
  tcpV6: false,
  udpV6: false,
  lsoV4: 0,
  lsoV6: 0,
  rsc: false,
})

export const noGuestState = (mtu: number, filter: number, channelLimit: number): NetvscGuestState => ({
  phase: 'offered',
  step: '',
  version: 0,
  attempt: 0,
  mtu,
  mac: new Uint8Array(6),
  linkUp: false,
  linkSpeed: 0,
  filter: 0,
  wantedFilter: filter,
  receive: null,
  send: null,
  subAllocation: 0,
  sectionSize: 0,
  sections: [],
  mostPackets: 1,
  alignment: 1,
  subchannels: 0,
  requestedSubchannels: 0,
  queues: [],
  pages: [],
  controlPage: -1,
  control: { current: null, id: 0, waiting: [] },
  vf: null,
  dataPath: 0,
  sendTable: [],
  offload: noOffloads(),
  coalesces: true,
  channelLimit,
  hostChannels: 1,
  rss: { key: new Uint8Array(0), table: [], enabled: false, chosen: false },
  statistics: {
    framesSent: 0,
    bytesSent: 0,
    framesReceived: 0,
    bytesReceived: 0,
    receiveErrors: 0,
    sendErrors: 0,
    aggregated: 0,
  },
  restart: false,
  failure: '',
  answerAt: Infinity,
})

/** What the parts of the driver share. `state` and `sent` are all that is saved. */
export interface GuestContext {
  readonly deps: GuestDriverDeps
  readonly options: NetvscGuestOptions
  /** Newest first. */
  readonly versions: readonly number[]
  readonly receive: Receiver
  readonly sending: SendBuffers
  /** By transaction id, of all channels. */
  readonly sent: RequestTable<SentPacket>
  /** Records that no packet uses. */
  readonly spare: SentPacket[]
  state: NetvscGuestState
  /** Packets of the host are being taken: what is sent meanwhile goes out at the end. */
  receiving: boolean
  /** By subchannel index. */
  channels: (GuestChannel | undefined)[]
}

export function diagnose(ctx: GuestContext, code: string, branch: NetvscGuestReject, message: string): void {
  ctx.deps.diagnose({ code, source: 'netvsc/guest', message, detail: { branch } })
}

export const newGuestQueue = (): GuestQueue => ({
  open: true,
  framesSent: 0,
  bytesSent: 0,
  framesReceived: 0,
  bytesReceived: 0,
  outgoing: [],
  owed: [],
  batch: { section: -1, used: 0, frames: 0, lastAt: 0 },
  blocked: false,
})

export const statisticsOf = (queue: GuestQueue | null): QueueStatistics => ({
  framesSent: queue?.framesSent ?? 0,
  bytesSent: queue?.bytesSent ?? 0,
  framesReceived: queue?.framesReceived ?? 0,
  bytesReceived: queue?.bytesReceived ?? 0,
})

/** NDIS 6.30 from NVSP 5 on, 6.1 before. */
export const ndisVersion = (version: number): { major: number; minor: number } =>
  version >= NvspVersion.v5 ? { major: 6, minor: 0x1e } : { major: 6, minor: 1 }

/** A record for a packet, which begins in `sent` before it is sent: its completion may come before the sender returns. */
export function packetRecord({ spare }: GuestContext, kind: SentPacket['kind'], queue: number, type = 0): SentPacket {
  const packet = spare.pop() ?? { kind, queue, type, section: -1, pfns: [] }
  packet.kind = kind
  packet.queue = queue
  packet.type = type
  return packet
}

/** The record is of no packet any more; what it held is somebody else's. */
export function recycle({ spare }: GuestContext, packet: SentPacket): void {
  while (packet.pfns.length > 0) packet.pfns.pop()
  spare.push(packet)
}

/** The packet has ended, or was never sent: its section or pages are free again. */
export function release(ctx: GuestContext, packet: SentPacket): void {
  const { state } = ctx
  if (packet.kind === 'section') state.sections.push(packet.section)
  else if (packet.kind === 'pages') for (const pfn of packet.pfns) state.pages.push(pfn)
  recycle(ctx, packet)
}

/** The host has not completed it. */
export const isUnderWay = ({ kind }: SentPacket): boolean => kind !== 'kept'

/** How many packets the host has not completed; or how many records match. */
export function underWay({ sent }: GuestContext, matches: (packet: SentPacket) => boolean = isUnderWay): number {
  let count = 0
  sent.each((packet) => void (count += matches(packet) ? 1 : 0))
  return count
}

/** Ends what the host will not complete. */
export function endUnanswered(ctx: GuestContext, matches: (packet: SentPacket) => boolean = () => true): void {
  ctx.sent.each((packet, id) => {
    if (!isUnderWay(packet) || !matches(packet)) return
    ctx.sent.end(id)
    release(ctx, packet)
  })
}

export const rangeOf = (pfns: readonly number[], byteCount: number): PageRange => ({ byteOffset: 0, byteCount, pfns })

/** Waits no longer than a host may take; on the way out only for one that still completes something. */
export function awaitAnswer({ state, deps }: GuestContext): void {
  state.answerAt = deps.clock.now() + (state.phase === 'stopping' ? DRAIN_TICKS : ANSWER_TICKS)
  deps.timers.set('answer', state.answerAt)
}

/** One of the answers is there; while the adapter is up others may still be waited for. */
export function answerCame(ctx: GuestContext): void {
  const { state, deps } = ctx
  if (state.answerAt === Infinity) return
  state.answerAt = Infinity
  deps.timers.clear('answer')
  if (state.phase !== 'ready') return
  if (state.control.current !== null || underWay(ctx, ({ kind }) => kind === 'request') > 0) awaitAnswer(ctx)
}

/** Pages of the guest's RAM, or none when it is used up. */
export function pagesFor({ deps }: GuestContext, count: number): number[] | undefined {
  return orNoMemory(() => deps.pages.allocate(count))
}

/** What needs memory of the guest; undefined when there is no more. */
export function orNoMemory<T>(take: () => T): T | undefined {
  try {
    return take()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'VMBUS_GUEST_MEMORY') return undefined
    throw error
  }
}
