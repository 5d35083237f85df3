import type { Channel, Gpadl, HostDeviceDeps } from '@vmbus/core'
import type { Port } from '@vmbus/switch'
import { DEFAULT_RSS_KEY } from '../protocol/toeplitz.ts'
import { DEFAULT_FRAME_BYTES, type NetvscHostOptions } from './options.ts'
import type { Outlet } from './deliver.ts'
import type { Scratch } from './queue.ts'
import type { Sections, SectionsState } from './sections.ts'
import type { Intake } from './transmit.ts'
import type { NetvscHostReject } from '../rejects.ts'

/** A completion that found the ring full. A queue takes no further packet until it is sent. */
interface OwedCompletion {
  readonly payload: Uint8Array
  readonly low: number
  readonly high: number
}

/** A message of the host's own that found the ring full. */
interface OwedMessage {
  readonly payload: Uint8Array
  readonly low: number
  readonly high: number
  readonly wantCompletion: boolean
}

/** What waits on one channel. */
export interface QueueState {
  completion: OwedCompletion | null
  messages: OwedMessage[]
  /** Filled sections that wait for the ring, three numbers each: section, bytes, and 1 if more of the same frame follows. */
  filled: number[]
}

export interface Checksums {
  ipv4: boolean
  tcpV4: boolean
  udpV4: boolean
  tcpV6: boolean
  udpV6: boolean
}

/** What the guest turned on with OID_TCP_OFFLOAD_PARAMETERS. */
export interface OffloadState {
  transmit: Checksums
  /** Those of received frames that are looked at. */
  receive: Checksums
  lsoV4: boolean
  lsoV6: boolean
  rscV4: boolean
  rscV6: boolean
}

interface RssState {
  enabled: boolean
  hashInfo: number
  key: Uint8Array
  table: number[]
}

export interface NetvscStatistics {
  framesSent: number
  bytesSent: number
  framesReceived: number
  bytesReceived: number
  /** Messages that could not be parsed. */
  sendErrors: number
  /** Frames longer than the guest's MTU. */
  receiveErrors: number
  /** Frames for which the guest had no section left. */
  noBuffer: number
  /** Frames that the packet filter kept away. */
  filtered: number
}

export const noStatistics = (): NetvscStatistics => ({
  framesSent: 0,
  bytesSent: 0,
  framesReceived: 0,
  bytesReceived: 0,
  sendErrors: 0,
  receiveErrors: 0,
  noBuffer: 0,
  filtered: 0,
})

/** Everything that a guest said since it opened the primary channel. */
export interface ConnectionState {
  /** 0 before INIT succeeded. */
  version: number
  ndis: { major: number; minor: number } | null
  config: { capabilities: number } | null
  /** Longest frame with Ethernet header, without tag. */
  frameBytes: number
  receiveBuffer: { gpadl: number; id: number; sections: SectionsState | null } | null
  sendBuffer: { gpadl: number; id: number; sectionSize: number; sections: number } | null
  initialized: boolean
  filter: number
  multicast: number[]
  mac: number
  offload: OffloadState
  rss: RssState
  subchannels: number
  /** What was told of the send table; resent when a channel opens or goes. */
  tableTold: boolean
  vfTold: boolean
  dataPath: number
  /** Answers that wait for a control section. */
  controls: Uint8Array[]
  queues: (QueueState | null)[]
  fragmentId: number
}

const noChecksums = (): Checksums => ({ ipv4: false, tcpV4: false, udpV4: false, tcpV6: false, udpV6: false })
const noOffload = (): OffloadState => ({
  transmit: noChecksums(),
  receive: noChecksums(),
  lsoV4: false,
  lsoV6: false,
  rscV4: false,
  rscV6: false,
})

export const noConnection = (mac: number): ConnectionState => ({
  version: 0,
  ndis: null,
  config: null,
  frameBytes: DEFAULT_FRAME_BYTES,
  receiveBuffer: null,
  sendBuffer: null,
  initialized: false,
  filter: 0,
  multicast: [],
  mac,
  offload: noOffload(),
  rss: { enabled: false, hashInfo: 0, key: DEFAULT_RSS_KEY.slice(), table: [] },
  subchannels: 0,
  tableTold: false,
  vfTold: false,
  dataPath: 0,
  controls: [],
  queues: [],
  fragmentId: 0,
})

export interface NetvscHostState {
  readonly connection: ConnectionState
  readonly statistics: NetvscStatistics
  /** Serial of the VF that the host has for the guest, 0 for none. */
  readonly vfSerial: number
  readonly speed: number
  /** When the adapter is withdrawn whatever the guest still has, Infinity while it stays. */
  readonly removeAt: number
  /** The device is being withdrawn: what the guest asks is answered, and nothing else goes to it. */
  readonly rescinded: boolean
}

/** What the parts of the host end share. */
export interface HostContext {
  readonly deps: HostDeviceDeps
  readonly options: NetvscHostOptions
  readonly versions: readonly number[]
  readonly port: Port
  readonly permanentMac: number
  readonly queueLimit: number
  connection: ConnectionState
  statistics: NetvscStatistics
  vfSerial: number
  speed: number
  /** By subchannel index; undefined while not open. */
  channels: (Channel | undefined)[]
  sections: Sections | undefined
  receiveGrant: Gpadl | undefined
  sendGrant: Gpadl | undefined
  readonly scratch: Scratch
  readonly intake: Intake
  readonly outlet: Outlet
  /** Above 0 frames collect, to leave as one packet. */
  batching: number
  removeAt: number
  rescinded: boolean
}

/** The cable is in, and the adapter is not on its way out. */
export const isLinkUp = ({ port, removeAt }: Pick<HostContext, 'port' | 'removeAt'>): boolean =>
  port.linkUp && removeAt === Infinity

/** A guest is there, and has not broken its primary channel. */
export const isServed = ({ channels }: HostContext): boolean => channels[0]?.isOpen === true

/** The peer broke the protocol beyond repair: its channel is left. */
export function violation(channel: Channel, branch: NetvscHostReject, what: string): void {
  channel.fail('VMBUS_NETVSC_PROTOCOL', what, branch)
}

export function diagnose(ctx: HostContext, code: string, message: string, detail: Record<string, number> = {}): void {
  ctx.deps.diagnose({ code, source: 'netvsc/host', message, detail })
}
