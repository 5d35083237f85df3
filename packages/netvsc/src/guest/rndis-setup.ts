import {
  ChecksumCap,
  OFFLOAD_SIZES,
  ObjectType,
  OffloadSetting,
  RSS_CAPABILITIES_REVISION,
  objectHeader,
  offload,
  offloadParameters,
  receiveScaleCap,
} from '../protocol/ndis.ts'
import { NvspVersion } from '../protocol/nvsp.ts'
import { Oid } from '../protocol/oids.ts'
import { RndisStatus, RndisType, initializeComplete } from '../protocol/rndis.ts'
import { ready } from './ready.ts'
import { query, sendRndisRequest, set } from './requests.ts'
import type { ControlRequest, GuestContext, GuestOffloads } from './types.ts'
import { scaleAnswered, scaleSet } from './subchannels.ts'
import { fail } from './teardown.ts'

const LARGEST_TRANSFER_ALIGNMENT = 12
/** Linux sends revision 3 whatever the length: 22 bytes up to NVSP 4 (wire/04 §9.4). */
const OFFLOAD_PARAMETERS_LEGACY = 22
const OFFLOAD_PARAMETERS_REVISION = 3

/** The queries in Linux's order (wire/04 §4), each with what it sends along. */
function queries(ctx: GuestContext): ControlRequest[] {
  const { version } = ctx.state
  const revision = version >= NvspVersion.v5 ? 3 : version >= NvspVersion.v4 ? 2 : 1
  const size = OFFLOAD_SIZES[revision] ?? 0
  const hardware = new Uint8Array(size)
  objectHeader.encode({ type: ObjectType.offload, revision, size }, new DataView(hardware.buffer))
  const { checksum, lso, rsc } = ctx.options
  const asksForNone = checksum === false && lso === false && rsc === false
  return [
    query(Oid.maximumFrameSize),
    query(Oid.permanentAddress),
    query(Oid.friendlyName),
    asksForNone ? query(Oid.mediaConnectStatus) : query(Oid.offloadHardwareCapabilities, hardware),
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
  for (const each of queries(ctx)) sendRndisRequest(ctx, each)
}

/** Bits of NDIS_OFFLOAD that TCP and UDP need (Linux hyperv_net.h, NDIS_TXCSUM_CAP_TCP4 and its like). */
const [CAN_TCP, CAN_UDP] = [ChecksumCap.tcp, ChecksumCap.udp]

/** Every checksum, LSO and (from 6.1) coalescing that the host can do, as far as it is wanted. */
function hardwareAnswered(ctx: GuestContext, view: DataView, good: boolean): void {
  const { state, options } = ctx
  if (!good || view.byteLength < objectHeader.size || view.getUint8(0) !== ObjectType.offload)
    return fail(ctx, 'the host names no offloads')
  const bytes = new Uint8Array(offload.size)
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, Math.min(view.byteLength, bytes.length)))
  const { csum, lsov2, rsc } = offload.parse(bytes)
  const both = (can: boolean): number => (can ? OffloadSetting.both : OffloadSetting.disabled)
  const on = (can: boolean): number => (can ? OffloadSetting.transmit : OffloadSetting.disabled)
  const udp = state.version >= NvspVersion.v5
  const fills = (capable: number, bit: number): boolean => options.checksum !== false && (capable & bit) !== 0
  const cuts = (encap: number, bytes: number): number => (options.lso !== false && encap !== 0 ? bytes : 0)
  const offloads: GuestOffloads = {
    tcpV4: fills(csum.ip4_txcsum, CAN_TCP),
    udpV4: udp && fills(csum.ip4_txcsum, CAN_UDP),
    tcpV6: fills(csum.ip6_txcsum, CAN_TCP),
    udpV6: udp && fills(csum.ip6_txcsum, CAN_UDP),
    lsoV4: cuts(lsov2.ip4_encap, lsov2.ip4_maxsz),
    lsoV6: cuts(lsov2.ip6_encap, lsov2.ip6_maxsz),
    rsc: state.version >= NvspVersion.v6_1 && options.rsc !== false && rsc.ip4 !== 0,
  }
  state.offload = offloads
  const size = udp ? offloadParameters.size : OFFLOAD_PARAMETERS_LEGACY
  const parameters = offloadParameters.toBytes({
    header: { type: ObjectType.default, revision: OFFLOAD_PARAMETERS_REVISION, size },
    ip_v4_csum: both(options.headerChecksum === true && fills(csum.ip4_txcsum, ChecksumCap.ipv4Header)),
    tcp_ip_v4_csum: both(offloads.tcpV4),
    udp_ip_v4_csum: udp ? both(offloads.udpV4) : OffloadSetting.noChange,
    tcp_ip_v6_csum: both(offloads.tcpV6),
    udp_ip_v6_csum: udp ? both(offloads.udpV6) : OffloadSetting.noChange,
    lso_v2_ipv4: on(offloads.lsoV4 > 0),
    lso_v2_ipv6: on(offloads.lsoV6 > 0),
    rsc_ip_v4: offloads.rsc ? on(state.coalesces) : OffloadSetting.noChange,
    rsc_ip_v6: offloads.rsc ? on(state.coalesces) : OffloadSetting.noChange,
  })
  sendRndisRequest(ctx, set(Oid.offloadParameters, parameters.slice(0, size)))
}

/** Turns coalescing on or off and leaves the rest as it is (Linux netvsc_drv.c, netvsc_set_features). */
export function setCoalescing(ctx: GuestContext, on: boolean): void {
  const { state } = ctx
  state.coalesces = on
  if (state.phase !== 'ready' || !state.offload.rsc) return
  const setting = on ? OffloadSetting.transmit : OffloadSetting.disabled
  const { size } = offloadParameters
  const header = { type: ObjectType.default, revision: OFFLOAD_PARAMETERS_REVISION, size }
  sendRndisRequest(
    ctx,
    set(Oid.offloadParameters, offloadParameters.toBytes({ header, rsc_ip_v4: setting, rsc_ip_v6: setting })),
  )
}

function setAnswered(ctx: GuestContext, request: ControlRequest, status: number): void {
  const { state } = ctx
  switch (request.oid) {
    case Oid.offloadParameters:
      if (state.phase === 'ready') return ctx.deps.event('set', { oid: request.oid, status })
      if (status !== RndisStatus.success) return fail(ctx, 'the host refuses the offload parameters')
      return sendRndisRequest(ctx, query(Oid.mediaConnectStatus))
    case Oid.receiveScaleParameters:
      return scaleSet(ctx, request, status)
    case Oid.packetFilter:
      ctx.deps.event(state.filter === 0 ? 'down' : 'up')
      return
    default:
      ctx.deps.event('set', { oid: request.oid, status })
  }
}

function moreQueries(ctx: GuestContext): void {
  sendRndisRequest(ctx, query(Oid.linkSpeed))
  const capabilities = new Uint8Array(receiveScaleCap.size)
  objectHeader.encode(
    { type: ObjectType.rssCapabilities, revision: RSS_CAPABILITIES_REVISION, size: receiveScaleCap.size },
    new DataView(capabilities.buffer),
  )
  sendRndisRequest(ctx, query(Oid.receiveScaleCapabilities, capabilities))
}
