import type { GuestChannel } from '@vmbus/core'
import {
  HashType,
  TABLE_ENTRIES,
  ObjectType,
  RSS_KEY_BYTES,
  RssFlag,
  receiveScaleCap,
  receiveScaleParam,
} from '../protocol/ndis.ts'
import {
  BODY,
  NvspStatus,
  NvspType,
  SEND_TABLE_SIZE,
  SUBCHANNEL_ALLOCATE,
  subchannelComplete,
  subchannelRequest,
} from '../protocol/nvsp.ts'
import { Oid } from '../protocol/oids.ts'
import { RndisStatus, SET_BODY } from '../protocol/rndis.ts'
import { DEFAULT_RSS_KEY } from '../protocol/toeplitz.ts'
import { sendNvsp } from './requests.ts'
import { DEFAULT_RING_PAGES, MAX_PACKET, MOST_CHANNELS, checkRss, type RssChange } from './options.ts'
import { ready } from './ready.ts'
import { sendRndisRequest, set } from './requests.ts'
import { answerCame, awaitAnswer } from './answer-timer.ts'
import { orNoMemory } from './memory.ts'
import type { ControlRequest, GuestContext } from './types.ts'
import { fail } from './teardown.ts'

/** The host has said how many queues it has: asks for as many subchannels as are wanted. */
export function scaleAnswered(ctx: GuestContext, view: DataView, good: boolean): void {
  const { state } = ctx
  const offered = good && view.byteLength === receiveScaleCap.size ? receiveScaleCap.read.num_recv_que(view) : 1
  state.hostChannels = Math.max(1, Math.min(offered, MOST_CHANNELS))
  const queues = Math.min(state.hostChannels, state.channelLimit)
  if (queues < 2) return ready(ctx)
  state.step = 'subchannels'
  state.requestedSubchannels = queues - 1
  sendNvsp(
    ctx,
    NvspType.subchannel,
    subchannelRequest.toBytes({ op: SUBCHANNEL_ALLOCATE, num_subchannels: queues - 1 }),
    true,
  )
}

/** A host that promises more than was asked for is taken to have refused. */
export function subchannelsAnswered(ctx: GuestContext, view: DataView, whole: boolean): void {
  const { state } = ctx
  const { status, num_subchannels } = whole
    ? subchannelComplete.decode(view, BODY)
    : { status: NvspStatus.fail as number, num_subchannels: 0 }
  if (status !== NvspStatus.success || num_subchannels > state.requestedSubchannels || num_subchannels === 0) {
    state.requestedSubchannels = 0
    return ready(ctx)
  }
  state.subchannels = num_subchannels
  awaitAnswer(ctx)
  subchannelOpened(ctx)
}

/** Once all that were promised are open, RSS spreads over them. */
export function subchannelOpened(ctx: GuestContext): void {
  const { state } = ctx
  if (state.phase !== 'setup' || state.step !== 'subchannels' || state.subchannels === 0) return
  for (let index = 1; index <= state.subchannels; index++) if (!state.queues[index]?.open) return
  answerCame(ctx)
  const count = state.subchannels + 1
  state.sendTable = Array.from({ length: SEND_TABLE_SIZE }, (_, index) => index % count)
  const { key, table, chosen } = state.rss
  const stays = chosen && table.every((queue) => queue < count)
  state.rss = {
    key: key.length === RSS_KEY_BYTES ? key : DEFAULT_RSS_KEY.slice(),
    table: stays ? table : Array.from({ length: TABLE_ENTRIES }, (_, index) => index % count),
    enabled: false,
    chosen: stays,
  }
  state.step = 'rss'
  sendScale(ctx)
}

/** RSS is turned off first, as Linux does (rndis_filter.c, rndis_filter_set_rss_param), and then on with key and table. */
function sendScale(ctx: GuestContext): void {
  const on = rssParameters(ctx, 0)
  sendRndisRequest(ctx, set(Oid.receiveScaleParameters, rssParameters(ctx, RssFlag.disable)))
  sendRndisRequest(ctx, set(Oid.receiveScaleParameters, on))
}

export function scaleSet(ctx: GuestContext, { body }: ControlRequest, status: number): void {
  const { state, deps } = ctx
  const flags = receiveScaleParam.read.flag(new DataView(body.buffer, body.byteOffset), SET_BODY)
  const turnsOff = (flags & RssFlag.disable) !== 0
  state.rss.enabled = !turnsOff && status === RndisStatus.success
  if (turnsOff) return
  if (state.phase === 'ready') deps.event('rss', { status })
  else if (state.step === 'rss') ready(ctx)
}

/** Another key or table, both as a whole, where there is more than one channel. Throws OptionsError. */
export function changeScale(ctx: GuestContext, change: RssChange): void {
  const { phase, subchannels, rss } = ctx.state
  const { key = rss.key, table } = checkRss(change, subchannels + 1)
  if (phase !== 'ready' || subchannels === 0) return
  Object.assign(rss, { key: Uint8Array.from(key), ...(table && { table: [...table], chosen: true }) })
  sendScale(ctx)
}

function rssParameters({ state }: GuestContext, flag: number): Uint8Array {
  const { key, table } = state.rss
  const tableBytes = table.length * 4
  const bytes = new Uint8Array(receiveScaleParam.size + tableBytes + RSS_KEY_BYTES)
  const view = new DataView(bytes.buffer)
  receiveScaleParam.encode(
    {
      hdr: { type: ObjectType.rssParameters, revision: 2, size: receiveScaleParam.size },
      flag,
      base_cpu_number: 0,
      hashinfo: HashType.toeplitz | HashType.ipv4 | HashType.tcpIpv4 | HashType.ipv6 | HashType.tcpIpv6,
      indirect_tabsize: tableBytes,
      indirect_taboffset: receiveScaleParam.size,
      hashkey_size: RSS_KEY_BYTES,
      hashkey_offset: receiveScaleParam.size + tableBytes,
      processor_masks_offset: 0,
      num_processor_masks: 0,
      processor_masks_entry_size: 0,
    },
    view,
  )
  table.forEach((queue, index) => view.setUint32(receiveScaleParam.size + index * 4, queue, true))
  bytes.set(key, receiveScaleParam.size + tableBytes)
  return bytes
}

/** Subchannels open as they are offered, as far as they were asked for. */
export function subchannelOffered(ctx: GuestContext, channel: GuestChannel): void {
  const { state, deps, options } = ctx
  const index = channel.offer.subchannelIndex
  if (index > state.requestedSubchannels || ctx.channels[index] !== undefined) return
  ctx.channels[index] = channel
  const pages = options.ringPages ?? DEFAULT_RING_PAGES
  const rings = { outPages: pages, inPages: pages, targetVp: index % deps.vps, maxPacket: MAX_PACKET }
  if (!orNoMemory(() => channel.open(rings) === undefined))
    fail(ctx, `the guest has no memory for the rings of subchannel ${index}`)
}
