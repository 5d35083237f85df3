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
  optional,
  stateForm,
  text,
  u16,
  u32,
  u8,
} from '@vmbus/world'
import { guid, pageRange, relid, userData } from '../saved.ts'
import type {
  ChannelState,
  Connection,
  DeviceRecord,
  GpadlState,
  HostState,
  HostTimer,
  IncomingMessage,
  OpenRequest,
  OutgoingMessage,
} from './state.ts'

/** The saved form of a host bus: JSON kinds and Uint8Array. */
export interface SavedHostBus {
  readonly paused: boolean
  readonly connection: Connection | null
  readonly contacts: number
  readonly nextKey: number
  readonly channels: readonly ChannelState[]
  readonly gpadls: readonly GpadlState[]
  readonly outgoing: readonly { readonly target: number; readonly messages: readonly OutgoingMessage[] }[]
  readonly timers: HostState['timers']
  readonly incoming: readonly IncomingMessage[]
  readonly doorbells: readonly number[]
  readonly signals: readonly number[]
  readonly dueTimers: readonly string[]
  readonly rescinds: readonly number[]
  readonly rings: readonly { readonly key: number; readonly state: unknown }[]
  readonly devices: readonly { readonly record: DeviceRecord; readonly state: unknown }[]
}

const key = integer(1)
const keys = list(key)
const gpa = number(0)

const connection = object<Connection>({
  version: u32,
  features: u32,
  vp: u32,
  interruptPage: gpa,
  parentToChildMonitor: gpa,
  childToParentMonitor: gpa,
  offersRequested: flag,
  paused: flag,
})
const request = object<OpenRequest>({
  openId: u32,
  ringGpadl: u32,
  targetVp: u32,
  downstreamOffset: u32,
  userData,
  connectionId: u32,
  eventFlag: u16,
  reserved: nullable(object<NonNullable<OpenRequest['reserved']>>({ vp: u32, sint: u32, contact: integer() })),
})
const channel = object<ChannelState>({
  key,
  device: key,
  interfaceId: guid,
  instanceId: guid,
  flags: u16,
  mmioMegabytes: u16,
  userDefined: userData,
  subchannelIndex: u16,
  monitorLatency: integer(),
  reserved: flag,
  phase: oneOf('unoffered', 'waiting', 'offered', 'open', 'forgotten', 'revoked-open', 'revoked'),
  relid,
  monitorId: u8,
  connectionId: u32,
  request: nullable(request),
})
const gpadl = object<GpadlState>({
  relid,
  id: u32,
  phase: oneOf('partial', 'created', 'closing'),
  rangeBytes: u16,
  rangeCount: u16,
  received: list(bytes()),
  receivedBytes: u16,
  ranges: list(pageRange),
})
const at = optional(number())
const timers = object<Partial<Record<HostTimer, number>>>({ flush: at, monitor: at, doorbells: at, poll: at })

export const FORM = stateForm<SavedHostBus>('host-bus', 2, {
  paused: flag,
  connection: nullable(connection),
  contacts: integer(),
  nextKey: key,
  channels: list(channel),
  gpadls: list(gpadl),
  outgoing: list(
    object<{ target: number; messages: OutgoingMessage[] }>({
      target: integer(),
      messages: list(object<OutgoingMessage>({ payload: bytes(), lasting: flag, traced: flag })),
    }),
  ),
  timers,
  incoming: list(object<IncomingMessage>({ vp: u32, connection: u32, payload: bytes() })),
  doorbells: keys,
  signals: keys,
  dueTimers: list(text),
  rescinds: keys,
  rings: list(object<{ key: number; state: unknown }>({ key, state: anything })),
  devices: list(
    object<{ record: DeviceRecord; state: unknown }>({
      record: object<DeviceRecord>({ key, kind: text, instanceId: guid }),
      state: anything,
    }),
  ),
})
