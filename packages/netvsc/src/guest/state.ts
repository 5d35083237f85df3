import type { GuestChannel, GuestDriverDeps, PageRange } from '@vmbus/core'
import { NvspVersion } from '../protocol/nvsp.ts'
import { ANSWER_TICKS, type NetvscGuestOptions } from './options.ts'
import type { Receiver } from './receive.ts'
import type { NetvscGuestReject } from '../rejects.ts'

export type GuestPhase = 'offered' | 'opening' | 'setup' | 'ready' | 'stopping' | 'stopped' | 'failed'

/** A packet that found its ring full. */
export type Outgoing =
  | { readonly kind: 'in-band'; readonly payload: Uint8Array; readonly slot: number }
  | { readonly kind: 'gpa'; readonly ranges: readonly PageRange[]; readonly payload: Uint8Array; readonly slot: number }

/** A packet of ours that the host has not completed; its number + 1 is the transaction id. */
export type Slot =
  | { readonly kind: 'request'; readonly queue: number; readonly type: number }
  | { readonly kind: 'control'; readonly queue: number }
  | { readonly kind: 'section'; readonly queue: number; readonly section: number; readonly frames: number }
  | { readonly kind: 'pages'; readonly queue: number; readonly pfns: readonly number[]; readonly frames: number }

/** A send section that is being filled. */
interface Batch {
  section: number
  used: number
  frames: number
  /** Where the last message begins: padding before the next one belongs to it. */
  lastAt: number
}

export interface GuestQueue {
  open: boolean
  outgoing: Outgoing[]
  /** Status of a received packet whose completion found the ring full, and its id. */
  owed: { low: number; high: number; status: number } | null
  batch: Batch | null
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
  v: 1
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
  /** Sections that nobody uses. */
  sections: number[]
  mostPackets: number
  alignment: number
  /** Subchannels that the host promised. */
  subchannels: number
  requestedSubchannels: number
  queues: (GuestQueue | null)[]
  slots: (Slot | null)[]
  freeSlots: number[]
  pages: number[]
  controlPage: number
  control: { current: ControlRequest | null; id: number; waiting: ControlRequest[] }
  vf: { serial: number } | null
  dataPath: number
  sendTable: number[]
  offload: { rsc: boolean; checksum: number }
  rss: { key: Uint8Array; table: number[]; enabled: boolean }
  statistics: GuestStatistics
  /** Starts again once stopped: an MTU change. */
  restart: boolean
  failure: string
  /** When waiting ends, Infinity without a wait. */
  answerAt: number
}

export const noGuestState = (mtu: number, filter: number): NetvscGuestState => ({
  v: 1,
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
  slots: [],
  freeSlots: [],
  pages: [],
  controlPage: -1,
  control: { current: null, id: 0, waiting: [] },
  vf: null,
  dataPath: 0,
  sendTable: [],
  offload: { rsc: false, checksum: 0 },
  rss: { key: new Uint8Array(0), table: [], enabled: false },
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

/** What the parts of the driver share. */
export interface GuestContext {
  readonly deps: GuestDriverDeps
  readonly options: NetvscGuestOptions
  /** Newest first. */
  readonly versions: readonly number[]
  readonly channelLimit: number
  readonly receive: Receiver
  state: NetvscGuestState
  /** Packets of the host are being taken: what is sent meanwhile goes out at the end. */
  receiving: boolean
  /** By subchannel index. */
  channels: (GuestChannel | undefined)[]
}

export function diagnose(ctx: GuestContext, code: string, branch: NetvscGuestReject, message: string): void {
  ctx.deps.diagnose({ code, source: 'netvsc/guest', message, detail: { branch } })
}

export const newGuestQueue = (): GuestQueue => ({ open: true, outgoing: [], owed: null, batch: null, blocked: false })

/** NDIS 6.30 from NVSP 5 on, 6.1 before. */
export const ndisVersion = (version: number): { major: number; minor: number } =>
  version >= NvspVersion.v5 ? { major: 6, minor: 0x1e } : { major: 6, minor: 1 }

/** The transaction id is the slot + 1: 0 is nobody's. */
export function takeSlot({ state }: GuestContext, slot: Slot): number {
  const index = state.freeSlots.pop() ?? state.slots.length
  state.slots[index] = slot
  return index
}

export function freeSlot({ state }: GuestContext, index: number): void {
  state.slots[index] = null
  state.freeSlots.push(index)
}

export const rangeOf = (pfns: readonly number[], byteCount: number): PageRange => ({ byteOffset: 0, byteCount, pfns })

/** Waits no longer than a host may take. */
export function awaitAnswer({ state, deps }: GuestContext): void {
  state.answerAt = deps.clock.now() + ANSWER_TICKS
  deps.timers.set('answer', state.answerAt)
}

/** One of the answers is there; while the adapter is up others may still be waited for. */
export function answerCame(ctx: GuestContext): void {
  const { state, deps } = ctx
  if (state.answerAt === Infinity) return
  state.answerAt = Infinity
  deps.timers.clear('answer')
  if (state.phase !== 'ready') return
  if (state.control.current !== null || state.slots.some((slot) => slot?.kind === 'request')) awaitAnswer(ctx)
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
