import type { Channel, Gpadl, HostDeviceDeps, TransferRange } from '@vmbus/core'
import type { Adapter, Frame, Offload, Port, Slot, VlanTag } from '@vmbus/switch'
import type { StateForm } from '@vmbus/world'
import type { PacketInfo } from '../protocol/ppi.ts'
import type { FrameHash } from '../protocol/toeplitz.ts'
import type { Sections, SectionsState } from './sections.ts'

/** A completion that found the ring full. A queue takes no further packet until it is sent. */
interface PendingCompletion {
  readonly payload: Uint8Array
  readonly low: number
  readonly high: number
}

/** A message of the host's own that found the ring full. */
interface PendingMessage {
  readonly payload: Uint8Array
  readonly low: number
  readonly high: number
  readonly wantCompletion: boolean
}

/** What waits on one channel. */
export interface QueueState {
  completion: PendingCompletion | null
  messages: PendingMessage[]
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

/** Everything that a guest has set since it opened the primary channel. */
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
  /** The guest has the send table; sent again when a channel opens or goes. */
  tableSent: boolean
  /** The guest has been told of the VF. */
  vfAnnounced: boolean
  dataPath: number
  /** Answers that wait for a control section. */
  controls: Uint8Array[]
  queues: (QueueState | null)[]
  fragmentId: number
}

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

/** Where one adapter's messages are written: a ring copies them before the sender returns. */
export interface MessageBuffer {
  readonly view: DataView
  readonly short: Uint8Array
  readonly long: Uint8Array
  readonly ranges: TransferRange[]
  /** The filled sections of the packet that is being sent. */
  readonly taken: number[]
}

/** What one adapter copies the guest's messages into, and says of each; used again for the next message. */
export interface TransmitBuffer {
  bytes: Uint8Array
  view: DataView
  readonly info: PacketInfo
  readonly frame: { bytes: Uint8Array; vlan: VlanTag | undefined; offload: Offload | undefined }
}

/** Where one adapter makes the header of a frame to its guest, and that frame's hash; used again for the next frame. */
export interface FrameHeader {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly hash: FrameHash
}

/** What a packet to the guest needs. */
export interface Sender {
  readonly deps: HostDeviceDeps
  connection: ConnectionState
  /** By subchannel index; undefined while not open. */
  channels: (Channel | undefined)[]
  readonly messageBuffer: MessageBuffer
  /** The receive buffer: its sections, and its pages. */
  sections: Sections | undefined
  receiveGrant: Gpadl | undefined
  /** Above 0 frames collect, to leave as one packet. */
  batching: number
  rescinded: boolean
}

/** What a frame to the guest needs. */
export interface FrameSender extends Sender {
  readonly frameHeader: FrameHeader
  readonly vfReceive: ((frame: Frame) => void) | undefined
  statistics: NetvscStatistics
  removeAt: number
}

/** What OIDs ask for and change. */
export interface OidTarget {
  readonly deps: HostDeviceDeps
  readonly port: Port
  readonly permanentMac: number
  readonly spoofing: boolean
  readonly queueLimit: number
  readonly connection: ConnectionState
  readonly statistics: NetvscStatistics
  readonly speed: number
  readonly removeAt: number
}

/** What the guest's virtual function needs. */
export interface VfControl extends Sender {
  /** 0 without one. */
  vfSerial: number
}

/** What RNDIS control messages need. */
export interface RndisControl extends VfControl, OidTarget {
  connection: ConnectionState
  statistics: NetvscStatistics
  speed: number
  removeAt: number
}

/** What the guest's sends need. */
export interface FrameReceiver extends RndisControl {
  readonly transmitBuffer: TransmitBuffer
  sendGrant: Gpadl | undefined
}

/** Setup, and the whole adapter. */
export interface HostContext extends FrameReceiver, FrameSender {
  readonly versions: readonly number[]
  /** Largest packet after the Ethernet header that the guest may ask for. */
  readonly mtu: number
  readonly form: StateForm<NetvscHostState>
  /** What is plugged into the switch, and where. */
  readonly adapter: Adapter
  readonly slot: Slot
}
