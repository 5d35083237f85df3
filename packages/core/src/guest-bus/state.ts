import type { Offer, PageRange, VmbusVersion } from '../types.ts'
import type { GuestPhase } from './types.ts'
import { WaitingKeys } from '../waiting-keys.ts'

type GuestChannelPhase = 'offered' | 'opening' | 'open' | 'closing' | 'rescinded'

/** The rings of a channel that is open, or on its way there or back. */
export interface GuestRings {
  /** Pages of both rings, the guest→host ring first. */
  readonly pfns: readonly number[]
  readonly gpadl: number
  readonly downstreamOffset: number
  readonly openId: number
  readonly userData: Uint8Array
  readonly maxPacket: number
  /** OPENCHANNEL was posted: its result is awaited. */
  asked: boolean
  /** Why the open failed, while its GPADL is being torn down; else 0. */
  failure: number
}

export interface GuestChannelState {
  readonly key: number
  /** Key of its device. */
  readonly device: number
  offer: Offer
  phase: GuestChannelPhase
  targetVp: number
  rings: GuestRings | null
  /** MODIFYCHANNEL from 5.3 on: one at a time, and the newest wish after it. */
  modifying: boolean
  nextVp: number | null
  /** After a resume it is not known to the host until it is offered again. */
  stale: boolean
}

export interface GuestGpadlState {
  readonly id: number
  /** Key of its channel. */
  readonly channel: number
  readonly ranges: readonly PageRange[]
  readonly purpose: 'rings' | 'driver'
  phase: 'creating' | 'created' | 'tearing'
}

export interface GuestDeviceState {
  readonly key: number
  readonly interfaceId: string
  readonly instanceId: string
  /** Kind of its driver, null when none took it. */
  kind: string | null
}

/** GPAs of the bus's own pages, all 0 while the bus is off. */
export interface GuestPages {
  hypercall: number
  input: number
  interrupt: number
  parentToChildMonitor: number
  childToParentMonitor: number
  /** By VP. */
  messages: number[]
  eventFlags: number[]
}

export interface GuestState {
  phase: GuestPhase
  /** Kinds of the drivers that are loaded. */
  readonly loaded: string[]
  /** Keys of the channels that their drivers have yet to be shown. */
  readonly probes: number[]
  /** Index into the versions that are tried. */
  attempt: number
  version: VmbusVersion
  features: number
  /** Connection id for messages. */
  connection: number
  /** The child→parent page in force: the guest's own or the host's. */
  monitor: number
  allOffers: boolean
  /** PAUSE was sent, or answered: the host says nothing more until RESUME. */
  paused: 'no' | 'asked' | 'yes'
  /** GPAs of the monitor pages that a MODIFY_CONNECTION under way names. */
  nextMonitors: { readonly parentToChild: number; readonly childToParent: number } | null
  pages: GuestPages
  nextKey: number
  nextGpadl: number
  nextOpenId: number
  devices: Map<number, GuestDeviceState>
  channels: Map<number, GuestChannelState>
  gpadls: Map<number, GuestGpadlState>
  outgoing: { readonly connection: number; readonly payload: Uint8Array }[]
  /** Failed posts of the first outgoing message. */
  tries: number
  /** When the bus's timers fire, 0 when they are not set. */
  postAt: number
  unloadAt: number
  /** The same of what may be due at time 0 already: null when it is not set. */
  dueAt: number | null
  /** Channels whose driver is to be called, signalled or not. */
  due: WaitingKeys
  /** VPs whose interrupt came while the bus was busy. */
  interrupts: WaitingKeys
}

export const noPages = (): GuestPages => ({
  hypercall: 0,
  input: 0,
  interrupt: 0,
  parentToChildMonitor: 0,
  childToParentMonitor: 0,
  messages: [],
  eventFlags: [],
})

export const initialState = (gpadlStart: number): GuestState => ({
  phase: 'off',
  loaded: [],
  probes: [],
  attempt: 0,
  version: 0,
  features: 0,
  connection: 0,
  monitor: 0,
  allOffers: false,
  paused: 'no',
  nextMonitors: null,
  pages: noPages(),
  nextKey: 1,
  nextGpadl: gpadlStart,
  nextOpenId: 1,
  devices: new Map(),
  channels: new Map(),
  gpadls: new Map(),
  outgoing: [],
  tries: 0,
  postAt: 0,
  unloadAt: 0,
  dueAt: null,
  due: new WaitingKeys(),
  interrupts: new WaitingKeys(),
})
