import {
  anything,
  bytes,
  flag,
  integer,
  list,
  nullable,
  number,
  object,
  oneOf,
  stateForm,
  text,
  u16,
  u32,
  u8,
} from '@vmbus/world'
import { frames, guid, pageRange, relid, userData } from '../saved.ts'
import type { Offer } from '../types.ts'
import type {
  GuestChannelState,
  GuestDeviceState,
  GuestGpadlState,
  GuestPages,
  GuestRings,
  GuestState,
} from './state.ts'

/** What of a guest's state is saved as it is. */
type Scalars = Omit<GuestState, 'devices' | 'channels' | 'gpadls' | 'interrupts' | 'due'>

/** The saved form of a guest bus: JSON kinds and Uint8Array. */
export interface SavedGuestBus extends Scalars {
  readonly devices: readonly GuestDeviceState[]
  readonly channels: readonly GuestChannelState[]
  readonly gpadls: readonly GuestGpadlState[]
  readonly interrupts: readonly number[]
  readonly due: readonly number[]
  readonly rings: readonly { readonly key: number; readonly state: unknown }[]
  readonly drivers: readonly { readonly key: number; readonly state: unknown }[]
}

const key = integer(1)
const gpa = integer()
const time = number(0)

const offer = object<Offer>({
  interfaceId: guid,
  instanceId: guid,
  flags: u16,
  mmioMegabytes: u16,
  userDefined: userData,
  subchannelIndex: u16,
  relid,
  monitorId: u8,
  monitorAllocated: flag,
  dedicatedInterrupt: flag,
  connectionId: u32,
})
const rings = object<GuestRings>({
  pfns: frames,
  gpadl: u32,
  downstreamOffset: integer(),
  openId: u32,
  userData,
  maxPacket: integer(),
  asked: flag,
  failure: u32,
})
const pages = object<GuestPages>({
  hypercall: gpa,
  input: gpa,
  interrupt: gpa,
  parentToChildMonitor: gpa,
  childToParentMonitor: gpa,
  messages: list(gpa),
  eventFlags: list(gpa),
})

export const FORM = stateForm<SavedGuestBus>('guest-bus', 3, {
  phase: oneOf('off', 'contacting', 'requesting', 'running', 'suspending', 'suspended', 'unloading', 'failed'),
  loaded: list(text),
  probes: list(key),
  attempt: integer(),
  version: u32,
  features: u32,
  connection: u32,
  monitor: gpa,
  allOffers: flag,
  paused: oneOf('no', 'asked', 'yes'),
  nextMonitors: nullable(
    object<{ parentToChild: number; childToParent: number }>({ parentToChild: gpa, childToParent: gpa }),
  ),
  pages,
  nextKey: key,
  nextGpadl: u32,
  nextOpenId: integer(),
  devices: list(object<GuestDeviceState>({ key, interfaceId: guid, instanceId: guid, kind: nullable(text) })),
  channels: list(
    object<GuestChannelState>({
      key,
      device: key,
      offer,
      phase: oneOf('offered', 'opening', 'open', 'closing', 'rescinded'),
      targetVp: u32,
      rings: nullable(rings),
      modifying: flag,
      nextVp: nullable(u32),
      stale: flag,
    }),
  ),
  gpadls: list(
    object<GuestGpadlState>({
      id: u32,
      channel: key,
      ranges: list(pageRange),
      purpose: oneOf('rings', 'driver'),
      phase: oneOf('creating', 'created', 'tearing'),
    }),
  ),
  outgoing: list(object<{ connection: number; payload: Uint8Array }>({ connection: u32, payload: bytes() })),
  tries: integer(),
  postAt: time,
  unloadAt: time,
  dueAt: nullable(time),
  due: list(key),
  interrupts: list(integer()),
  rings: list(object<{ key: number; state: unknown }>({ key, state: anything })),
  drivers: list(object<{ key: number; state: unknown }>({ key, state: anything })),
})
