import type { GuestChannel, GuestDriverDeps, PageRange, RequestTable, SavedRequests } from '@vmbus/core'
import type { VlanTag } from '@vmbus/switch'
import type { PacketInfo } from '../protocol/ppi.ts'
import type { FrameHash } from '../protocol/toeplitz.ts'
import type { NetvscGuestOptions, ReceivedInfo } from './options.ts'

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
interface PendingCompletion {
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
  /** Received packets whose completions found the ring full, oldest first: they go before anything else does. */
  pendingCompletions: PendingCompletion[]
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

export interface GuestStatistics extends QueueStatistics {
  /** Packets or ranges from the host that could not be parsed. */
  receiveErrors: number
  /** Sends that the host completed with another status than success. */
  sendErrors: number
  /** NVSP messages with more than one frame. */
  aggregated: number
}

/** What sends look at. */
export interface SendState {
  phase: GuestPhase
  filter: number
  /** Of the send buffer, once the host has taken it. */
  send: GrantedBuffer | null
  sectionSize: number
  /** Sections that no packet uses; those that the host has are in `sent`. */
  sections: number[]
  mostPackets: number
  alignment: number
  /** Subchannels that the host promised. */
  subchannels: number
  sendTable: number[]
  queues: (GuestQueue | null)[]
  /** Free pages for frames that no section takes. */
  pages: number[]
  statistics: GuestStatistics
}

/** What received packets look at. */
interface ReceiveState {
  receive: GrantedBuffer | null
  subAllocation: number
  offload: GuestOffloads
  queues: (GuestQueue | null)[]
  statistics: GuestStatistics
}

/** Requests to the host, and the wait for its answers. */
interface ControlState extends SendState {
  controlPage: number
  control: { current: ControlRequest | null; id: number; waiting: ControlRequest[] }
  /** When waiting ends, Infinity without a wait. */
  answerAt: number
}

export interface NetvscGuestState extends ControlState, ReceiveState {
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
  wantedFilter: number
  requestedSubchannels: number
  vf: { serial: number } | null
  dataPath: number
  /** Coalescing is wanted. */
  coalesces: boolean
  /** Most channels, by the driver's choice … */
  channelLimit: number
  /** … and by what the host said. */
  hostChannels: number
  rss: GuestRss
  /** Opens again once stopped, as for another MTU. */
  restart: boolean
  failure: string
}

/** What a driver saves. */
export interface SavedNetvscGuest extends NetvscGuestState {
  readonly sent: SavedRequests<SentPacket>
}

interface ReusedRange extends PageRange {
  byteCount: number
  pfns: number[]
}

/** What one driver makes its packets in, used again for each: a ring copies before the sender returns. */
export interface SendBuffers {
  /** The same bytes with no, one, two and three infos. */
  readonly headers: readonly Uint8Array[]
  readonly header: DataView
  readonly hash: FrameHash
  readonly message: Uint8Array
  readonly messageView: DataView
  readonly completion: Uint8Array
  readonly completionView: DataView
  readonly word: Uint8Array
  readonly wordView: DataView
  readonly ranges: PageRange[]
  readonly whole: ReusedRange
  readonly single: ReusedRange[]
  /** The buffer that `sections` are the pages of. */
  granted: GrantedBuffer | null
  sections: readonly PageRange[]
}

/** What one driver copies received packets into, used again for each. */
export interface ReceiveBuffers {
  readonly info: PacketInfo
  /** The frame that the owner is given, and what came with it. */
  readonly frame: { bytes: Uint8Array; vlan: VlanTag | undefined }
  readonly received: { -readonly [Field in keyof ReceivedInfo]: ReceivedInfo[Field] }
  /** Private copy of one sub-allocation. */
  bytes: Uint8Array
  view: DataView
  /** A coalesced packet as far as its fragments have come, only within one VMBus packet; length -1 without one. */
  readonly coalesced: Uint8Array
  coalescedLength: number
  /** Control messages of the packets that are being taken. */
  readonly controls: Uint8Array[]
  /** The buffer that `ranges` are the pages of. */
  granted: GrantedBuffer | null
  ranges: readonly PageRange[]
}

/** What a packet to the host needs. */
export interface Sender {
  readonly deps: GuestDriverDeps
  readonly options: NetvscGuestOptions
  readonly sending: SendBuffers
  /** By transaction id, of all channels. */
  readonly sent: RequestTable<SentPacket>
  /** Records that no packet uses. */
  readonly unusedRecords: SentPacket[]
  readonly state: SendState
  /** By subchannel index. */
  channels: (GuestChannel | undefined)[]
}

/** What a request to the host needs, NVSP or RNDIS. */
export interface Control extends Sender {
  readonly state: ControlState
}

/** What a packet of the host needs. */
export interface Receiver {
  readonly deps: GuestDriverDeps
  readonly options: NetvscGuestOptions
  readonly sending: Pick<SendBuffers, 'completion' | 'completionView'>
  readonly receiving: ReceiveBuffers
  readonly state: ReceiveState
}

/** Setup, teardown, and the whole driver. `state` and `sent` are all that is saved. */
export interface GuestContext extends Control, Receiver {
  readonly sending: SendBuffers
  /** Newest first. */
  readonly versions: readonly number[]
  state: NetvscGuestState
  /** Packets of the host are being taken: what is sent meanwhile goes out at the end. */
  isReceiving: boolean
}
