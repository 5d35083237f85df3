import {
  MOST_TABLE_ENTRIES,
  ObjectType,
  OffloadSetting,
  RSS_KEY_BYTES,
  RssFlag,
  objectHeader,
  offloadParameters,
  receiveScaleParam,
} from '../protocol/ndis.ts'
import { Capability, NvspVersion } from '../protocol/nvsp.ts'
import { Oid } from '../protocol/oids.ts'
import { ParameterType, RndisStatus, configParameterInfo } from '../protocol/rndis.ts'
import { macAt } from './filter.ts'
import type { HostContext } from './state.ts'

/** Offload parameters of revision 1; later ones are longer. */
const OFFLOAD_REVISION_1 = 20
const MAC_BYTES = 6
const MULTICAST_ENTRIES = 32
const NETWORK_ADDRESS = 'NetworkAddress'

/** Sets an OID and returns the status. What is refused changes nothing. */
export function set(ctx: HostContext, oid: number, given: Uint8Array): number {
  const view = new DataView(given.buffer, given.byteOffset, given.length)
  switch (oid) {
    case Oid.packetFilter:
      return setFilter(ctx, view)
    case Oid.currentLookahead:
      return given.length >= 4 ? RndisStatus.success : RndisStatus.invalidLength
    case Oid.multicastList:
      return setMulticast(ctx, given)
    case Oid.configParameter:
      return setParameter(ctx, view)
    case Oid.offloadParameters:
      return setOffload(ctx, view)
    case Oid.offloadEncapsulation:
      return RndisStatus.success
    case Oid.receiveScaleParameters:
      return (ctx.connection.ndis?.major ?? 0) >= 6 ? setRss(ctx, view) : RndisStatus.notSupported
    default:
      return RndisStatus.notSupported
  }
}

function setFilter(ctx: HostContext, view: DataView): number {
  if (view.byteLength < 4) return RndisStatus.invalidLength
  const filter = view.getUint32(0, true)
  const before = ctx.connection.filter
  ctx.connection.filter = filter
  if ((filter === 0) !== (before === 0)) ctx.deps.event(filter === 0 ? 'down' : 'up', { filter })
  return RndisStatus.success
}

function setMulticast(ctx: HostContext, given: Uint8Array): number {
  if (given.length % MAC_BYTES !== 0 || given.length > MAC_BYTES * MULTICAST_ENTRIES) return RndisStatus.invalidLength
  ctx.connection.multicast = Array.from({ length: given.length / MAC_BYTES }, (_, index) =>
    macAt(given, index * MAC_BYTES),
  )
  return RndisStatus.success
}

/** A name and a value in UTF-16; only the address is known. */
function setParameter(ctx: HostContext, view: DataView): number {
  if (view.byteLength < configParameterInfo.size) return RndisStatus.invalidLength
  const info = configParameterInfo.decode(view)
  const name = utf16(view, info.parameter_name_offset, info.parameter_name_length)
  const value = utf16(view, info.parameter_value_offset, info.parameter_value_length)
  if (name === undefined || value === undefined) return RndisStatus.invalidData
  if (name !== NETWORK_ADDRESS) return RndisStatus.notSupported
  if (info.parameter_type !== ParameterType.string || !/^[0-9a-f]{12}$/i.test(value)) return RndisStatus.invalidData
  const mac = Number.parseInt(value, 16)
  // Without permission the port would drop every frame from it.
  if (mac !== ctx.permanentMac && ctx.options.macSpoofing !== true) return RndisStatus.failure
  if (value[1] !== undefined && Number.parseInt(value[1], 16) & 1) return RndisStatus.invalidData
  ctx.connection.mac = mac
  return RndisStatus.success
}

function utf16(view: DataView, offset: number, length: number): string | undefined {
  if (offset > view.byteLength || length > view.byteLength - offset || length % 2 !== 0 || length > 512)
    return undefined
  let text = ''
  for (let at = offset; at < offset + length; at += 2) text += String.fromCharCode(view.getUint16(at, true))
  return text.replace(/\0+$/, '')
}

/** Reads what the guest's revision has; the header's own numbers are not looked at, as on the real switch (wire/10 §4). */
function setOffload(ctx: HostContext, view: DataView): number {
  if (view.byteLength < OFFLOAD_REVISION_1) return RndisStatus.invalidLength
  const bytes = new Uint8Array(offloadParameters.size)
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, Math.min(view.byteLength, bytes.length)))
  const given = offloadParameters.parse(bytes)
  const { connection } = ctx
  const receive = (value: number, before: boolean): boolean =>
    value === OffloadSetting.noChange ? before : value === OffloadSetting.receive || value === OffloadSetting.both
  const on = (value: number, before: boolean): boolean =>
    value === OffloadSetting.noChange ? before : value === OffloadSetting.transmit
  const udp = connection.version >= NvspVersion.v5
  const rsc = connection.version >= NvspVersion.v6_1 && ((connection.config?.capabilities ?? 0) & Capability.rsc) !== 0
  if (!udp && (given.udp_ip_v4_csum > OffloadSetting.disabled || given.udp_ip_v6_csum > OffloadSetting.disabled))
    return RndisStatus.notSupported
  const { offload } = connection
  connection.offload = {
    ipv4: receive(given.ip_v4_csum, offload.ipv4),
    tcpV4: receive(given.tcp_ip_v4_csum, offload.tcpV4),
    udpV4: receive(given.udp_ip_v4_csum, offload.udpV4),
    tcpV6: receive(given.tcp_ip_v6_csum, offload.tcpV6),
    udpV6: receive(given.udp_ip_v6_csum, offload.udpV6),
    rscV4: rsc && on(given.rsc_ip_v4, offload.rscV4),
    rscV6: rsc && on(given.rsc_ip_v6, offload.rscV6),
  }
  return RndisStatus.success
}

/** What the flags call unchanged stays, whatever the rest says. */
function setRss(ctx: HostContext, view: DataView): number {
  if (view.byteLength < receiveScaleParam.size || view.getUint8(0) !== ObjectType.rssParameters)
    return RndisStatus.invalidLength
  const given = receiveScaleParam.decode(view)
  const { rss } = ctx.connection
  if (given.flag & RssFlag.disable) {
    rss.enabled = false
    return RndisStatus.success
  }
  const table =
    given.flag & RssFlag.tableUnchanged
      ? rss.table
      : readTable(ctx, view, given.indirect_taboffset, given.indirect_tabsize)
  const key = given.flag & RssFlag.keyUnchanged ? rss.key : readKey(view, given.hashkey_offset, given.hashkey_size)
  if (table === undefined || key === undefined) return RndisStatus.invalidData
  const hashInfo = given.flag & RssFlag.hashInfoUnchanged ? rss.hashInfo : given.hashinfo
  ctx.connection.rss = { enabled: (hashInfo & 0xff) !== 0, hashInfo, key, table }
  return RndisStatus.success
}

function readTable(ctx: HostContext, view: DataView, offset: number, size: number): number[] | undefined {
  const entries = size / 4
  if (
    !Number.isInteger(entries) ||
    entries > MOST_TABLE_ENTRIES ||
    offset < objectHeader.size ||
    offset > view.byteLength ||
    size > view.byteLength - offset
  )
    return undefined
  const table = Array.from({ length: entries }, (_, index) => view.getUint32(offset + index * 4, true))
  return table.every((queue) => queue <= ctx.connection.subchannels) ? table : undefined
}

function readKey(view: DataView, offset: number, size: number): Uint8Array | undefined {
  if (size > RSS_KEY_BYTES || offset < objectHeader.size || offset > view.byteLength || size > view.byteLength - offset)
    return undefined
  const key = new Uint8Array(RSS_KEY_BYTES)
  key.set(new Uint8Array(view.buffer, view.byteOffset + offset, size))
  return key
}
