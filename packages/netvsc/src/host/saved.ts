import type { Channel } from '@vmbus/core'
import {
  alike,
  bytes,
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
  u16,
  u32,
  ShapeMismatch,
  type Shape,
  type StateForm,
  type StateHead,
} from '@vmbus/world'
import { RSS_KEY_BYTES } from '../protocol/ndis.ts'
import { DataPath, nvspVersionName } from '../protocol/nvsp.ts'
import { linkSpeed } from './options.ts'
import { supportedOffload } from './offload.ts'
import { armRemoval } from './removal.ts'
import { createSections, type SectionsState } from './sections.ts'
import { dataPathOf, isLinkUp, isUp, noStatistics, openChannels } from './state.ts'
import type { ConnectionState, HostContext, NetvscHostState, OffloadState, QueueState } from './types.ts'

const LARGEST_MAC = 0xffff_ffff_ffff
const mac = integer(0, LARGEST_MAC)

const areRuns = (runs: readonly number[], count: number): boolean =>
  runs.length % 2 === 0 &&
  runs.every((each, at) => each < count && (at % 2 === 0 || each <= (runs[at - 1] ?? 0))) &&
  runs.reduce((sum, each, at) => sum + (at % 2 === 0 ? each + 1 : -each), 0) <= count

const sections: Shape<SectionsState> = (value, at) => {
  const state = object<SectionsState>({
    size: integer(1),
    count: integer(2),
    packets: list(list(u32, 2)),
    free: list(u32),
    freeControl: list(u32),
  })(value, at)
  const { count, packets, free, freeControl } = state
  const [queues, held] = [packets.map(([first = 0]) => first), packets.flatMap((packet) => packet.slice(1))]
  const isWhole =
    areRuns(free, count) &&
    areRuns(freeControl, count) &&
    queues.every((each) => each < MAX_QUEUES) &&
    new Set(held).size === held.length &&
    held.every((section) => section < count)
  if (!isWhole) throw new ShapeMismatch(at, count, `sections each once, below ${count}`)
  return state
}

/** Sections keep the queue of a packet, plus one, in a byte. */
const MAX_QUEUES = 255

const message = { payload: bytes(), low: u32, high: u32 }
const queue: Shape<QueueState> = object<QueueState>({
  completion: nullable(object(message)),
  messages: list(object({ ...message, wantCompletion: flag })),
  filled: list(u32),
})

const { transmit, receive, ...switches } = supportedOffload(0)
const offload: Shape<OffloadState> = object<OffloadState>({
  ...alike(flag, switches),
  transmit: object(alike(flag, transmit)),
  receive: object(alike(flag, receive)),
})

const connection = (versions: readonly number[]): Shape<ConnectionState> =>
  object<ConnectionState>({
    version: oneOf(0, ...versions),
    ndis: nullable(object({ major: u32, minor: u32 })),
    config: nullable(object({ capabilities: u32 })),
    frameBytes: u32,
    receiveBuffer: nullable(object({ gpadl: u32, id: u16, sections: nullable(sections) })),
    sendBuffer: nullable(object({ gpadl: u32, id: u16, sectionSize: integer(1), sections: u32 })),
    initialized: flag,
    filter: u32,
    multicast: list(mac),
    mac,
    offload,
    rss: object({ enabled: flag, hashInfo: u32, key: bytes(RSS_KEY_BYTES), table: list(u32) }),
    subchannels: u32,
    tableSent: flag,
    vfAnnounced: flag,
    dataPath: oneOf(DataPath.synthetic, DataPath.vf),
    controls: list(bytes()),
    queues: list(nullable(queue)),
    fragmentId: u16,
  })

/** The states of an adapter that speaks these versions. */
export const hostForm = (versions: readonly number[]): StateForm<NetvscHostState> =>
  stateForm<NetvscHostState>('netvsc', 5, {
    connection: connection(versions),
    statistics: object(alike(integer(), noStatistics())),
    vfSerial: u32,
    speed: linkSpeed,
    removeAt: number(0),
    rescinded: flag,
  })

export function save(ctx: HostContext): NetvscHostState & StateHead {
  const { connection, statistics, vfSerial, speed, sections: live, removeAt, rescinded } = ctx
  const receiveBuffer = connection.receiveBuffer && { ...connection.receiveBuffer, sections: live?.save() ?? null }
  // A channel that was never open leaves a hole in the list.
  const queues = Array.from(connection.queues, (each) => each ?? null)
  return {
    ...ctx.form.head,
    connection: plainCopy({ ...connection, receiveBuffer, queues }),
    statistics: { ...statistics },
    vfSerial,
    speed,
    removeAt,
    rescinded,
  }
}

export function restore(ctx: HostContext, saved: unknown, channels: readonly Channel[]): void {
  const state = restoreState(saved, ctx.form)
  ctx.connection = state.connection
  ctx.statistics = state.statistics
  ctx.vfSerial = state.vfSerial
  ctx.speed = state.speed
  ctx.rescinded = state.rescinded
  ctx.removeAt = state.removeAt
  armRemoval(ctx)
  ctx.channels = []
  for (const channel of channels) ctx.channels[channel.subchannelIndex] = channel
  if (!ctx.rescinded) ctx.slot.take(ctx.adapter)
  restoreGrants(ctx)
}

function restoreGrants(ctx: HostContext): void {
  const [primary] = ctx.channels
  const { receiveBuffer, sendBuffer } = ctx.connection
  ctx.receiveGrant = receiveBuffer === null ? undefined : primary?.gpadl(receiveBuffer.gpadl)
  ctx.sendGrant = sendBuffer === null ? undefined : primary?.gpadl(sendBuffer.gpadl)
  const saved = receiveBuffer?.sections
  ctx.sections = saved ? createSections(saved.size, saved.count, saved) : undefined
}

export function inspect(ctx: HostContext): Record<string, unknown> {
  const { connection, sections: live, statistics: counts } = ctx
  return {
    version: connection.version === 0 ? null : nvspVersionName(connection.version),
    initialized: connection.initialized,
    filter: isUp(ctx) ? connection.filter : 0,
    frameBytes: connection.frameBytes,
    queues: openChannels(ctx),
    dataPath: dataPathOf(ctx),
    linkUp: isLinkUp(ctx),
    freeSections: live?.free ?? 0,
    offload: plainCopy(connection.offload),
    rss: connection.rss.enabled,
    ...counts,
  }
}
