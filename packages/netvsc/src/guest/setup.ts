import type { GuestChannel } from '@vmbus/core'
import { NetvscError } from '../errors.ts'
import {
  BODY,
  Capability,
  MESSAGE_BYTES,
  NvspStatus,
  NvspType,
  NvspVersion,
  RECEIVE_BUFFER_ID,
  SEND_BUFFER_ID,
  SEND_TABLE_SIZE,
  SUBCHANNEL_ALLOCATE,
  init,
  initComplete,
  messageHeader,
  sendNdisConfig,
  sendNdisVersion,
  sendReceiveBuffer,
  sendReceiveBufferComplete,
  sendSendBuffer,
  sendSendBufferComplete,
  subchannelComplete,
  subchannelRequest,
} from '../protocol/nvsp.ts'
import {
  HashType,
  OFFLOAD_SIZES,
  ObjectType,
  OffloadSetting,
  RSS_CAPABILITIES_REVISION,
  RSS_KEY_BYTES,
  RssFlag,
  MOST_TABLE_ENTRIES,
  objectHeader,
  offload,
  offloadParameters,
  receiveScaleCap,
  receiveScaleParam,
} from '../protocol/ndis.ts'
import { Oid } from '../protocol/oids.ts'
import { RndisStatus, RndisType, initializeComplete, initializeRequest } from '../protocol/rndis.ts'
import { DEFAULT_RSS_KEY } from '../protocol/toeplitz.ts'
import { ask, query, set } from './control.ts'
import {
  DEFAULT_RECEIVE_BYTES,
  DEFAULT_SEND_BYTES,
  DEFAULT_SEND_PAGES,
  LEGACY_RECEIVE_BYTES,
  MAX_TRANSFER,
} from './options.ts'
import { post } from './send.ts'
import {
  answerCame,
  awaitAnswer,
  diagnose,
  ndisVersion,
  rangeOf,
  takeSlot,
  type ControlRequest,
  type GuestContext,
} from './state.ts'
import { grantedLate, stop } from './teardown.ts'

const PAGE = 4096
const ETHERNET_BYTES = 14
/** A header needs so many bytes at least (Linux hyperv_net.h, NETVSC_MIN_*_SECTION_SIZE). */
const LEAST_SECTION = 68
const LARGEST_TRANSFER_ALIGNMENT = 12

/** An NVSP message of 40 bytes, as Linux always sends. `wants`: a completion is asked for. */
export function nvsp(ctx: GuestContext, type: number, wants: boolean, fill: (view: DataView) => void): void {
  const payload = new Uint8Array(MESSAGE_BYTES)
  const view = new DataView(payload.buffer)
  messageHeader.write.msg_type(view, 0, type)
  fill(view)
  const slot = wants ? takeSlot(ctx, { kind: 'request', queue: 0, type }) : -1
  post(ctx, 0, { kind: 'in-band', payload, slot })
  if (wants) awaitAnswer(ctx)
}

/** Gives up: the channel is closed and everything returned. */
export function fail(ctx: GuestContext, why: string): void {
  const { state } = ctx
  if (state.phase === 'failed' || state.phase === 'stopping' || state.phase === 'stopped') return
  state.failure = why
  diagnose(ctx, 'VMBUS_NETVSC_SETUP', why)
  ctx.deps.event('failed', why)
  stop(ctx)
}

/** The primary channel is open: everything else follows by answers. */
export function start(ctx: GuestContext): void {
  const { state, deps } = ctx
  state.phase = 'setup'
  state.attempt = 0
  state.controlPage = deps.pages.allocate(1)[0] ?? -1
  state.pages = deps.pages.allocate(ctx.options.sendPages ?? DEFAULT_SEND_PAGES)
  askVersion(ctx)
}

function askVersion(ctx: GuestContext): void {
  const version = ctx.versions[ctx.state.attempt]
  if (version === undefined) return fail(ctx, 'no NVSP version in common')
  ctx.state.step = 'version'
  nvsp(ctx, NvspType.init, true, (view) =>
    init.encode({ min_protocol_ver: version, max_protocol_ver: version }, view, BODY),
  )
}

/** The host completed a setup message. */
export function completed(ctx: GuestContext, type: number, view: DataView, length: number): void {
  const { state } = ctx
  answerCame(ctx)
  const body = (needed: number): boolean => length >= BODY + needed
  switch (type) {
    case NvspType.init:
      if (!body(initComplete.size) || messageHeader.read.msg_type(view, 0) !== NvspType.initComplete)
        return fail(ctx, 'an answer to INIT that is none')
      if (initComplete.read.status(view, BODY) !== NvspStatus.success) {
        state.attempt++
        return askVersion(ctx)
      }
      state.version = ctx.versions[state.attempt] ?? 0
      return configure(ctx)
    case NvspType.sendReceiveBuffer:
      return receiveBufferAnswered(ctx, view, body(sendReceiveBufferComplete.size))
    case NvspType.sendSendBuffer:
      return sendBufferAnswered(ctx, view, body(sendSendBufferComplete.size))
    case NvspType.subchannel:
      return subchannelsAnswered(ctx, view, body(subchannelComplete.size))
  }
}

function configure(ctx: GuestContext): void {
  const { state, options } = ctx
  const { version } = state
  if (version >= NvspVersion.v2) {
    let capability = Capability.ieee8021q as number
    if (version >= NvspVersion.v5) capability |= Capability.teaming | (options.sriov === false ? 0 : Capability.sriov)
    if (version >= NvspVersion.v6_1 && options.rsc !== false) capability |= Capability.rsc
    nvsp(ctx, NvspType.sendNdisConfig, false, (view) =>
      sendNdisConfig.encode(
        { mtu: state.mtu + ETHERNET_BYTES, reserved: 0, capability: BigInt(capability) },
        view,
        BODY,
      ),
    )
  }
  const { major, minor } = ndisVersion(version)
  nvsp(ctx, NvspType.sendNdisVersion, false, (view) =>
    sendNdisVersion.encode({ ndis_major_ver: major, ndis_minor_ver: minor }, view, BODY),
  )
  const most = version >= NvspVersion.v4 ? Infinity : LEGACY_RECEIVE_BYTES
  state.receive = grant(ctx, Math.min(options.receiveBufferBytes ?? DEFAULT_RECEIVE_BYTES, most))
  state.step = 'receive-gpadl'
}

function grant(
  { deps, channels }: GuestContext,
  byteLength: number,
): { gpadl: number; pfns: number[]; created: boolean } {
  const pfns = deps.pages.allocate(Math.ceil(byteLength / PAGE))
  const [primary] = channels
  return { gpadl: primary?.createGpadl([rangeOf(pfns, pfns.length * PAGE)]) ?? 0, pfns, created: false }
}

export function granted(ctx: GuestContext, gpadl: number, status: number): void {
  const { state, options, deps } = ctx
  const buffer = state.receive?.gpadl === gpadl ? state.receive : state.send?.gpadl === gpadl ? state.send : null
  if (buffer === null) return
  buffer.created = status === 0
  if (state.phase === 'stopping') return grantedLate(ctx, buffer, status)
  if (status !== 0) {
    deps.pages.free(buffer.pfns)
    if (state.receive === buffer) state.receive = null
    else state.send = null
    return fail(ctx, 'the host refused a buffer')
  }
  if (state.phase !== 'setup') return
  if (state.step === 'receive-gpadl') {
    state.step = 'receive-buffer'
    nvsp(ctx, NvspType.sendReceiveBuffer, true, (view) =>
      sendReceiveBuffer.encode({ gpadl_handle: gpadl, id: RECEIVE_BUFFER_ID }, view, BODY),
    )
  } else if (state.step === 'send-gpadl') {
    state.step = 'send-buffer'
    nvsp(ctx, NvspType.sendSendBuffer, true, (view) =>
      sendSendBuffer.encode({ gpadl_handle: gpadl, id: options.sendBufferId ?? SEND_BUFFER_ID }, view, BODY),
    )
  }
}

/** One section that begins at 0, with room for a header, within the buffer: anything else is refused (Linux netvsc.c). */
function receiveBufferAnswered(ctx: GuestContext, view: DataView, whole: boolean): void {
  const { state } = ctx
  if (!whole || state.receive === null) return fail(ctx, 'a short answer about the receive buffer')
  const { status, num_sections, sections } = sendReceiveBufferComplete.decode(view, BODY)
  const bytes = state.receive.pfns.length * PAGE
  const good =
    status === NvspStatus.success &&
    num_sections === 1 &&
    sections.offset === 0 &&
    sections.sub_alloc_size >= LEAST_SECTION &&
    sections.sub_alloc_size * sections.num_sub_allocs <= bytes
  if (!good) return fail(ctx, 'the host cannot use the receive buffer')
  state.subAllocation = sections.sub_alloc_size
  state.send = grant(ctx, ctx.options.sendBufferBytes ?? DEFAULT_SEND_BYTES)
  state.step = 'send-gpadl'
}

function sendBufferAnswered(ctx: GuestContext, view: DataView, whole: boolean): void {
  const { state, options } = ctx
  const size = whole ? sendSendBufferComplete.read.section_size(view, BODY) : 0
  const status = whole ? sendSendBufferComplete.read.status(view, BODY) : NvspStatus.fail
  const bytes = (state.send?.pfns.length ?? 0) * PAGE
  if (status !== NvspStatus.success || size < LEAST_SECTION || size > bytes)
    return fail(ctx, 'the host cannot use the send buffer')
  state.sectionSize = size
  state.sections = Array.from(
    { length: Math.floor(bytes / size) },
    (_, index, count = Math.floor(bytes / size)) => count - 1 - index,
  )
  state.step = 'rndis'
  const body = initializeRequest.toBytes({
    major_ver: 1,
    minor_ver: 0,
    max_xfer_size: options.maxTransfer ?? MAX_TRANSFER,
  })
  ask(ctx, { type: RndisType.initialize, oid: 0, body })
}

/** The queries in Linux's order (wire/04 §4), each with what it sends along. */
function queries(ctx: GuestContext): ControlRequest[] {
  const { version } = ctx.state
  const revision = version >= NvspVersion.v5 ? 3 : version >= NvspVersion.v4 ? 2 : 1
  const size = OFFLOAD_SIZES[revision] ?? 0
  const hardware = new Uint8Array(size)
  objectHeader.encode({ type: ObjectType.offload, revision, size }, new DataView(hardware.buffer))
  return [
    query(Oid.maximumFrameSize),
    query(Oid.permanentAddress),
    query(Oid.friendlyName),
    query(Oid.offloadHardwareCapabilities, hardware),
  ]
}

/** An RNDIS request of ours has its answer. */
export function answered(ctx: GuestContext, request: ControlRequest, status: number, information: Uint8Array): void {
  const { state } = ctx
  const view = new DataView(information.buffer, information.byteOffset, information.length)
  if (request.type === RndisType.initialize) return initialized(ctx, view, status)
  if (request.type === RndisType.set) return setAnswered(ctx, request, status)
  if (request.type !== RndisType.query) return
  const good = status === RndisStatus.success
  switch (request.oid) {
    case Oid.maximumFrameSize:
      if (good && view.byteLength === 4) state.mtu = Math.min(state.mtu, view.getUint32(0, true))
      return
    case Oid.permanentAddress:
      if (!good || view.byteLength !== 6) return fail(ctx, 'the host names no address')
      state.mac = information.slice()
      return
    case Oid.offloadHardwareCapabilities:
      return hardwareAnswered(ctx, view, good)
    case Oid.mediaConnectStatus:
      if (good && view.byteLength === 4) state.linkUp = view.getUint32(0, true) === 0
      return state.version >= NvspVersion.v5 ? moreQueries(ctx) : ready(ctx)
    case Oid.linkSpeed:
      if (good && view.byteLength === 4) state.linkSpeed = view.getUint32(0, true)
      return
    case Oid.receiveScaleCapabilities:
      return scaleAnswered(ctx, view, good)
  }
}

function initialized(ctx: GuestContext, view: DataView, status: number): void {
  if (status !== RndisStatus.success || view.byteLength < initializeComplete.size)
    return fail(ctx, 'RNDIS does not initialise')
  const { max_pkt_per_msg, pkt_alignment_factor } = initializeComplete.decode(view)
  ctx.state.mostPackets = Math.max(1, max_pkt_per_msg)
  ctx.state.alignment = 2 ** Math.min(pkt_alignment_factor, LARGEST_TRANSFER_ALIGNMENT)
  for (const each of queries(ctx)) ask(ctx, each)
}

/** Every checksum, LSO and (from 6.1) coalescing that the host can do. */
function hardwareAnswered(ctx: GuestContext, view: DataView, good: boolean): void {
  const { state, options } = ctx
  if (!good || view.byteLength < objectHeader.size || view.getUint8(0) !== ObjectType.offload)
    return fail(ctx, 'the host names no offloads')
  const bytes = new Uint8Array(offload.size)
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, Math.min(view.byteLength, bytes.length)))
  const { csum, lsov2, rsc } = offload.parse(bytes)
  const both = (capable: number): number => (capable !== 0 ? OffloadSetting.both : OffloadSetting.disabled)
  const on = (capable: number): number => (capable !== 0 ? OffloadSetting.transmit : OffloadSetting.disabled)
  const udp = state.version >= NvspVersion.v5
  state.offload.rsc = state.version >= NvspVersion.v6_1 && options.rsc !== false && rsc.ip4 !== 0
  const size = udp ? offloadParameters.size : OFFLOAD_PARAMETERS_LEGACY
  const parameters = offloadParameters.toBytes({
    header: { type: ObjectType.default, revision: OFFLOAD_PARAMETERS_REVISION, size },
    ip_v4_csum: OffloadSetting.disabled,
    tcp_ip_v4_csum: both(csum.ip4_txcsum & 0x10),
    udp_ip_v4_csum: udp ? both(csum.ip4_txcsum & 0x40) : OffloadSetting.noChange,
    tcp_ip_v6_csum: both(csum.ip6_txcsum & 0x10),
    udp_ip_v6_csum: udp ? both(csum.ip6_txcsum & 0x40) : OffloadSetting.noChange,
    lso_v2_ipv4: on(lsov2.ip4_encap),
    lso_v2_ipv6: on(lsov2.ip6_encap),
    rsc_ip_v4: state.offload.rsc ? OffloadSetting.transmit : OffloadSetting.noChange,
    rsc_ip_v6: state.offload.rsc ? OffloadSetting.transmit : OffloadSetting.noChange,
  })
  ask(ctx, set(Oid.offloadParameters, parameters.slice(0, size)))
}

/** Linux sends revision 3 whatever the length: 22 bytes up to NVSP 4 (wire/04 §9.4). */
const OFFLOAD_PARAMETERS_LEGACY = 22
const OFFLOAD_PARAMETERS_REVISION = 3

function setAnswered(ctx: GuestContext, request: ControlRequest, status: number): void {
  const { state } = ctx
  switch (request.oid) {
    case Oid.offloadParameters:
      if (status !== RndisStatus.success) return fail(ctx, 'the host refuses the offload parameters')
      return ask(ctx, query(Oid.mediaConnectStatus))
    case Oid.receiveScaleParameters:
      if (state.step === 'rss-off') {
        state.step = 'rss'
        return ask(ctx, set(Oid.receiveScaleParameters, rssParameters(ctx, 0)))
      }
      state.rss.enabled = status === RndisStatus.success
      return state.step === 'rss' ? ready(ctx) : undefined
    case Oid.packetFilter:
      ctx.deps.event(state.filter === 0 ? 'down' : 'up')
      return
    default:
      ctx.deps.event('set', { oid: request.oid, status })
  }
}

function moreQueries(ctx: GuestContext): void {
  ask(ctx, query(Oid.linkSpeed))
  const capabilities = new Uint8Array(receiveScaleCap.size)
  objectHeader.encode(
    { type: ObjectType.rssCapabilities, revision: RSS_CAPABILITIES_REVISION, size: receiveScaleCap.size },
    new DataView(capabilities.buffer),
  )
  ask(ctx, query(Oid.receiveScaleCapabilities, capabilities))
}

function scaleAnswered(ctx: GuestContext, view: DataView, good: boolean): void {
  const { state } = ctx
  const queues =
    good && view.byteLength === receiveScaleCap.size
      ? Math.min(receiveScaleCap.read.num_recv_que(view), ctx.channelLimit)
      : 1
  if (queues < 2) return ready(ctx)
  state.step = 'subchannels'
  state.requestedSubchannels = queues - 1
  nvsp(ctx, NvspType.subchannel, true, (body) =>
    subchannelRequest.encode({ op: SUBCHANNEL_ALLOCATE, num_subchannels: queues - 1 }, body, BODY),
  )
}

/** A host that promises more than was asked for is not believed (CVE-class: subchannels-unbounded). */
function subchannelsAnswered(ctx: GuestContext, view: DataView, whole: boolean): void {
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
  state.rss = {
    key: DEFAULT_RSS_KEY.slice(),
    table: Array.from({ length: MOST_TABLE_ENTRIES }, (_, index) => index % count),
    enabled: false,
  }
  state.step = 'rss-off'
  ask(ctx, set(Oid.receiveScaleParameters, rssParameters(ctx, RssFlag.disable)))
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

/** Setup is over: the interface comes up, if it shall. */
function ready(ctx: GuestContext): void {
  const { state } = ctx
  state.phase = 'ready'
  state.step = ''
  ctx.deps.event('ready', { version: state.version, queues: state.subchannels + 1 })
  if (state.wantedFilter !== 0) setFilter(ctx, state.wantedFilter)
}

export function setFilter(ctx: GuestContext, filter: number): void {
  const { state } = ctx
  state.wantedFilter = filter
  if (state.phase !== 'ready' || state.filter === filter) return
  state.filter = filter
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, filter, true)
  ask(ctx, set(Oid.packetFilter, bytes))
}

/** Subchannels open as they are offered, as far as they were asked for. */
export function subchannelOffered(
  ctx: GuestContext,
  channel: GuestChannel,
  ringPages: number,
  maxPacket: number,
): void {
  const { state, deps } = ctx
  const index = channel.offer.subchannelIndex
  if (index > state.requestedSubchannels || ctx.channels[index] !== undefined) return
  ctx.channels[index] = channel
  channel.open({ outPages: ringPages, inPages: ringPages, targetVp: index % deps.vps, maxPacket })
}

export function checkMtu(mtu: number): number {
  if (Number.isInteger(mtu) && mtu >= 68 && mtu <= 65_521) return mtu
  throw new NetvscError('VMBUS_NETVSC_OPTION', { field: 'mtu', value: mtu, allowed: '68 … 65521' })
}
