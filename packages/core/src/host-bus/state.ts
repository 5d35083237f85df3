import type { PageRange, VmbusVersion } from '../types.ts'
import { WaitingKeys } from '../waiting-keys.ts'

/** What a guest agreed on. */
export interface Connection {
  version: VmbusVersion
  features: number
  /** The VP that takes the host's messages. */
  vp: number
  /** GPA, 0 when there is none: only below 2.4. */
  interruptPage: number
  parentToChildMonitor: number
  childToParentMonitor: number
  offersRequested: boolean
  /** The guest sent PAUSE: messages wait for its RESUME. */
  paused: boolean
}

/** The fields of OPENCHANNEL that stay in force while the channel is open. */
export interface OpenRequest {
  openId: number
  ringGpadl: number
  targetVp: number
  downstreamOffset: number
  userData: Uint8Array
  /** Where the guest signals, and the flag that it wants to be signalled with. */
  connectionId: number
  eventFlag: number
  /** Opened as a reserved channel: where the answers go, and in which connection that was (`HostState.contacts`). */
  reserved: { readonly vp: number; readonly sint: number; readonly contact: number } | null
}

/**
 * - `unoffered`: the guest does not know it (not connected, offers not requested, or no relid free)
 * - `waiting`: a rescinded channel of the same instance is not released yet
 * - `offered`: closed
 * - `open`
 * - `forgotten`: the guest released it without being asked; it comes back with the next connection
 * - `revoked-open`: rescinded, and not closed yet: its rings work on, so that what the guest has under way can end
 * - `revoked`: rescinded and closed, and the relid not released yet
 */
type ChannelPhase = 'unoffered' | 'waiting' | 'offered' | 'open' | 'forgotten' | 'revoked-open' | 'revoked'

export interface ChannelState {
  readonly key: number
  /** Key of its device; a rescinded device is there until the last of its channels is closed. */
  readonly device: number
  readonly interfaceId: string
  readonly instanceId: string
  readonly flags: number
  readonly mmioMegabytes: number
  readonly userDefined: Uint8Array
  readonly subchannelIndex: number
  /** 100 ns units, 0 when not monitored. */
  readonly monitorLatency: number
  /** Never offered: the guest knows its relid. */
  readonly reserved: boolean
  phase: ChannelPhase
  /** 0 while it has none. */
  relid: number
  monitorId: number
  connectionId: number
  request: OpenRequest | null
}

export interface GpadlState {
  readonly relid: number
  readonly id: number
  /** `partial`: bodies are missing. `closing`: torn down while the open channel's rings are in it. */
  phase: 'partial' | 'created' | 'closing'
  /** Bytes of all ranges as announced: 8 for each range and each page. */
  readonly rangeBytes: number
  readonly rangeCount: number
  /** What arrived of them, until the list is complete. */
  received: Uint8Array[]
  receivedBytes: number
  ranges: PageRange[]
}

export interface OutgoingMessage {
  readonly payload: Uint8Array
  /** It outlives the connection. */
  readonly lasting: boolean
  /** It was handed to the partition before, which had no room. */
  traced: boolean
}

export interface IncomingMessage {
  readonly vp: number
  readonly connection: number
  readonly payload: Uint8Array
}

export interface DeviceRecord {
  readonly key: number
  readonly kind: string
  readonly instanceId: string
}

/**
 * `flush`: messages that are due outside of any call. `doorbells`: channels that are. `poll`: channels whose peer does not
 * signal free room.
 */
export type HostTimer = 'flush' | 'monitor' | 'doorbells' | 'poll'

export interface HostState {
  paused: boolean
  connection: Connection | null
  /** Connections that there were: tells whose a request is. */
  contacts: number
  nextKey: number
  channels: Map<number, ChannelState>
  /** By `gpadlKey`. */
  gpadls: Map<number, GpadlState>
  /** The incomplete ones by id: bodies name no channel, so an id is unique among them. */
  partials: Map<number, GpadlState>
  /** Pages announced by all GPADLs. */
  gpadlPages: number
  /** What the guest has not taken yet, by `targetOf`; no queue is empty. */
  outgoing: Map<number, OutgoingMessage[]>
  /** When each of the bus's own timers fires; a timer that is not set is absent. */
  timers: Partial<Record<HostTimer, number>>
  incoming: IncomingMessage[]
  /** Channels that the guest signalled, and that the bus has yet to tell. */
  doorbells: WaitingKeys
  /** Channels whose signal to the guest waits for `resume`, or for its SINT. */
  signals: Set<number>
  /** Device timers that fired during a pause. */
  dueTimers: string[]
  /** Keys of devices to rescind once the bus is idle. */
  rescinds: number[]
}

export const emptyState = (): HostState => ({
  paused: false,
  connection: null,
  contacts: 0,
  nextKey: 1,
  channels: new Map(),
  gpadls: new Map(),
  partials: new Map(),
  gpadlPages: 0,
  outgoing: new Map(),
  timers: {},
  incoming: [],
  doorbells: new WaitingKeys(),
  signals: new Set(),
  dueTimers: [],
  rescinds: [],
})

/** The rings are in use. */
export function isOpen({ phase }: ChannelState): boolean {
  return phase === 'open' || phase === 'revoked-open'
}

/** The rings are in use, as those of a reserved channel: they outlive the connection. */
export function isOpenReserved(channel: ChannelState): boolean {
  return isOpen(channel) && channel.request !== null && channel.request.reserved !== null
}

/** The guest was told, or will be, that the channel is gone. */
export function isRevoked({ phase }: ChannelState): boolean {
  return phase === 'revoked' || phase === 'revoked-open'
}

/** A GPADL is named by its channel and its id; both are u32, relids are small, so the product is exact. */
export function gpadlKey(relid: number, id: number): number {
  return relid * 0x1_0000_0000 + id
}
