import {
  alike,
  bytes,
  either,
  flag,
  integer,
  list,
  nullable,
  number,
  object,
  oneOf,
  plainCopy,
  restoreState,
  stateForm,
  text,
  u16,
  u32,
  type Shape,
  type StateForm,
  type StateHead,
} from '@vmbus/world'
import { savedRequests, type GuestChannel } from '@vmbus/core'
import { DataPath, nvspVersionName } from '../protocol/nvsp.ts'
import { MOST_CHANNELS } from './options.ts'
import { underWay } from './sent-packets.ts'
import { noGuestStatistics, noQueueStatistics } from './state.ts'
import {
  GUEST_PHASES,
  PACKET_KINDS,
  type Batch,
  type ControlRequest,
  type GuestContext,
  type GrantedBuffer,
  type GuestOffloads,
  type GuestQueue,
  type GuestRss,
  type Outgoing,
  type SavedNetvscGuest,
  type SentPacket,
} from './types.ts'

const pfn = integer()
const pfns = list(pfn)

const outgoing: Shape<Outgoing> = either<Outgoing & { kind: 'in-band' }, Outgoing & { kind: 'gpa' }>(
  object<Outgoing & { kind: 'in-band' }>({ kind: oneOf('in-band'), payload: bytes(), id: u32 }),
  object<Outgoing & { kind: 'gpa' }>({
    kind: oneOf('gpa'),
    ranges: list(object({ byteOffset: u32, byteCount: u32, pfns })),
    payload: bytes(),
    id: u32,
  }),
)

const batch: Shape<Batch> = object<Batch>({ section: integer(-1), used: u32, frames: u32, lastAt: u32 })

const queue: Shape<GuestQueue> = object<GuestQueue>({
  open: flag,
  ...alike(integer(), noQueueStatistics()),
  outgoing: list(outgoing),
  pendingCompletions: list(object({ low: u32, high: u32, status: u32 })),
  batch,
  blocked: flag,
})

const sentPacket: Shape<SentPacket> = object<SentPacket>({
  kind: oneOf(...PACKET_KINDS),
  queue: u16,
  type: u32,
  section: integer(-1),
  pfns,
})

const buffer: Shape<GrantedBuffer> = object<GrantedBuffer>({ gpadl: u32, pfns, created: flag, tearing: flag })
const request: Shape<ControlRequest> = object<ControlRequest>({ type: u32, oid: u32, body: bytes() })

/** The states of a driver. */
export const GUEST_FORM: StateForm<SavedNetvscGuest> = stateForm<SavedNetvscGuest>('netvsc-driver', 6, {
  phase: oneOf(...GUEST_PHASES),
  step: text,
  version: u32,
  attempt: integer(),
  mtu: u32,
  mac: bytes(6),
  linkUp: flag,
  linkSpeed: u32,
  filter: u32,
  wantedFilter: u32,
  receive: nullable(buffer),
  send: nullable(buffer),
  subAllocation: u32,
  sectionSize: u32,
  sections: list(u32),
  mostPackets: u32,
  alignment: integer(1),
  subchannels: u16,
  requestedSubchannels: u16,
  queues: list(nullable(queue)),
  sent: savedRequests(sentPacket),
  pages: pfns,
  controlPage: integer(-1),
  control: object({ current: nullable(request), id: u32, waiting: list(request) }),
  vf: nullable(object({ serial: u32 })),
  dataPath: oneOf(DataPath.synthetic, DataPath.vf),
  sendTable: list(u32),
  offload: object<GuestOffloads>({
    tcpV4: flag,
    udpV4: flag,
    tcpV6: flag,
    udpV6: flag,
    lsoV4: u32,
    lsoV6: u32,
    rsc: flag,
  }),
  coalesces: flag,
  channelLimit: integer(1, MOST_CHANNELS),
  hostChannels: integer(1, MOST_CHANNELS),
  rss: object<GuestRss>({ key: bytes(), table: list(u32), enabled: flag, chosen: flag }),
  statistics: object(alike(integer(), noGuestStatistics())),
  restart: flag,
  failure: text,
  answerAt: number(0),
})

export const save = ({ state, sent }: GuestContext): SavedNetvscGuest & StateHead => ({
  ...GUEST_FORM.head,
  ...plainCopy({ ...state, sent: sent.save(), queues: Array.from(state.queues, (each) => each ?? null) }),
})

export function restore(ctx: GuestContext, saved: unknown, channels: readonly GuestChannel[]): void {
  const { kind: _kind, v: _v, sent, ...state } = restoreState(saved, GUEST_FORM)
  ctx.sent.restore(sent)
  ctx.state = state
  ctx.channels = []
  for (const channel of channels) ctx.channels[channel.offer.subchannelIndex] = channel
  if (state.answerAt !== Infinity) ctx.deps.timers.set('answer', state.answerAt)
}

export function inspect(ctx: GuestContext): Record<string, unknown> {
  const { phase, step, version, queues, mtu, linkUp, filter, sections, statistics } = ctx.state
  return {
    phase,
    step,
    version: version === 0 ? null : nvspVersionName(version),
    queues: queues.filter((each) => each?.open).length,
    mtu,
    linkUp,
    filter,
    sendSections: sections.length,
    underWay: underWay(ctx),
    ...statistics,
  }
}
