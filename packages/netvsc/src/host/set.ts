import { readMac } from '@vmbus/switch'
import { plainCopy } from '@vmbus/world'
import {
  ENCAPSULATION_8023,
  ObjectType,
  OffloadSetting,
  RSS_KEY_BYTES,
  RssFlag,
  TABLE_ENTRIES,
  objectHeader,
  offloadEncapsulation,
  offloadParameters,
  receiveScaleParam,
} from '../protocol/ndis.ts'
import { Capability, NvspVersion } from '../protocol/nvsp.ts'
import { Oid } from '../protocol/oids.ts'
import { ParameterType, RndisStatus, configParameterInfo } from '../protocol/rndis.ts'
import { supportedOffload } from './offload.ts'
import { ETHERNET_BYTES } from './options.ts'
import { isNdis630 } from './query.ts'
import type { Checksums, OffloadState, OidTarget } from './types.ts'

/** Offload parameters of revision 1; later ones are longer. */
const OFFLOAD_REVISION_1 = 20
const MAC_BYTES = 6
const MULTICAST_ENTRIES = 32
const NETWORK_ADDRESS = 'NetworkAddress'
/** Bytes of a parameter's name or value (OpenVMM netvsp lib.rs). */
const MOST_TEXT = 255
/** NDIS_OFFLOAD_SET_ON, and the mask of the hash function (Windows SDK ntddndis.h). */
const SET_ON = 1
const HASH_FUNCTION = 0xff

/** Sets an OID and returns the status. What is refused changes nothing. */
export function set(ctx: OidTarget, oid: number, given: Uint8Array): number {
  const view = new DataView(given.buffer, given.byteOffset, given.length)
  switch (oid) {
    case Oid.packetFilter:
      return setFilter(ctx, view)
    case Oid.currentLookahead:
      return given.length >= 4 ? RndisStatus.success : RndisStatus.failure
    case Oid.networkLayerAddresses:
      return RndisStatus.success
    case Oid.multicastList:
      return setMulticast(ctx, given)
    case Oid.configParameter:
      return setParameter(ctx, view)
    case Oid.offloadParameters:
      return setOffload(ctx, view)
    case Oid.offloadEncapsulation:
      return setEncapsulation(view)
    case Oid.receiveScaleParameters:
      return isNdis630(ctx) ? setRss(ctx, view) : RndisStatus.notSupported
    default:
      return RndisStatus.notSupported
  }
}

/** The header of an object is right: its type, and at least this revision and size, all of it given (OpenVMM netvsp lib.rs, validate_ndis_object_header). */
function isObject(view: DataView, type: number, size: number): boolean {
  if (view.byteLength < objectHeader.size) return false
  const header = objectHeader.decode(view)
  return header.type === type && header.revision >= 1 && header.size >= size && view.byteLength >= header.size
}

function setFilter(ctx: OidTarget, view: DataView): number {
  // A buffer that is too short is an access error (OpenVMM: STATUS_FAILURE).
  if (view.byteLength < 4) return RndisStatus.failure
  const filter = view.getUint32(0, true)
  const before = ctx.connection.filter
  ctx.connection.filter = filter
  if ((filter === 0) !== (before === 0)) ctx.deps.event(filter === 0 ? 'down' : 'up', { filter })
  return RndisStatus.success
}

function setMulticast(ctx: OidTarget, given: Uint8Array): number {
  if (given.length % MAC_BYTES !== 0 || given.length > MAC_BYTES * MULTICAST_ENTRIES) return RndisStatus.invalidLength
  ctx.connection.multicast = Array.from({ length: given.length / MAC_BYTES }, (_, index) =>
    readMac(given, index * MAC_BYTES),
  )
  return RndisStatus.success
}

/** A name and a value in UTF-16: the address, or an offload by its standard keyword; other names mean nothing here. */
function setParameter(ctx: OidTarget, view: DataView): number {
  if (view.byteLength < configParameterInfo.size) return RndisStatus.failure
  const info = configParameterInfo.decode(view)
  if (info.parameter_name_length > MOST_TEXT || info.parameter_value_length > MOST_TEXT) return RndisStatus.invalidData
  const name = utf16(view, info.parameter_name_offset, info.parameter_name_length)
  const value = utf16(view, info.parameter_value_offset, info.parameter_value_length)
  if (name === undefined || value === undefined) return RndisStatus.failure
  if (info.parameter_type !== ParameterType.string)
    return name === NETWORK_ADDRESS ? RndisStatus.invalidData : RndisStatus.success
  return name === NETWORK_ADDRESS ? setAddress(ctx, value) : setKeyword(ctx, name, value)
}

function setAddress(ctx: OidTarget, value: string): number {
  if (!/^[0-9a-f]{12}$/i.test(value)) return RndisStatus.invalidData
  const mac = Number.parseInt(value, 16)
  // Without permission the port would drop every frame from it.
  if (mac !== ctx.permanentMac && !ctx.spoofing) return RndisStatus.failure
  if (Number.parseInt(value.slice(0, 2), 16) & 1) return RndisStatus.invalidData
  ctx.connection.mac = mac
  return RndisStatus.success
}

/** The first digit says it: for checksums 1 is transmit, 2 receive, 3 both (OpenVMM netvsp lib.rs, oid_set_rndis_config_parameter). */
function setKeyword({ connection }: OidTarget, name: string, value: string): number {
  const digit = /^\d/.exec(value)?.[0]
  if (digit === undefined) return RndisStatus.invalidData
  const number = Number(digit)
  const offload = plainCopy(connection.offload)
  const checksum = CHECKSUM_KEYWORDS[name]
  if (checksum !== undefined) {
    offload.transmit[checksum] = (number & 1) !== 0
    offload.receive[checksum] = (number & 2) !== 0
  }
  if (name === '*LsoV2IPv4') offload.lsoV4 = number !== 0
  if (name === '*LsoV2IPv6') offload.lsoV6 = number !== 0
  connection.offload = masked(offload, connection.version)
  return RndisStatus.success
}

const CHECKSUM_KEYWORDS: Readonly<Record<string, keyof Checksums>> = {
  '*IPChecksumOffloadIPv4': 'ipv4',
  '*TCPChecksumOffloadIPv4': 'tcpV4',
  '*UDPChecksumOffloadIPv4': 'udpV4',
  '*TCPChecksumOffloadIPv6': 'tcpV6',
  '*UDPChecksumOffloadIPv6': 'udpV6',
}

/** No more than the host can do. */
function masked(offload: OffloadState, version: number): OffloadState {
  const { udpV4, udpV6 } = supportedOffload(version).receive
  for (const each of [offload.transmit, offload.receive]) {
    each.udpV4 &&= udpV4
    each.udpV6 &&= udpV6
  }
  return offload
}

function utf16(view: DataView, offset: number, length: number): string | undefined {
  if (offset > view.byteLength || length > view.byteLength - offset || length % 2 !== 0) return undefined
  let text = ''
  for (let at = offset; at < offset + length; at += 2) text += String.fromCharCode(view.getUint16(at, true))
  return text.replace(/\0+$/, '')
}

/** Reads what the guest's revision has; Linux says revision 3 of 22 bytes (wire/10 §4), which is more than the first has. */
function setOffload({ connection }: OidTarget, view: DataView): number {
  if (!isObject(view, ObjectType.default, OFFLOAD_REVISION_1)) return RndisStatus.invalidData
  const bytes = new Uint8Array(offloadParameters.size)
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, Math.min(view.byteLength, bytes.length)))
  const given = offloadParameters.parse(bytes)
  const { version, config } = connection
  const udp = version >= NvspVersion.v5
  if (given.lso_v1 === OffloadSetting.transmit) return RndisStatus.notSupported
  if (!udp && (given.udp_ip_v4_csum > OffloadSetting.disabled || given.udp_ip_v6_csum > OffloadSetting.disabled))
    return RndisStatus.notSupported
  const offload = plainCopy(connection.offload)
  const settings: readonly (readonly [keyof Checksums, number])[] = [
    ['ipv4', given.ip_v4_csum],
    ['tcpV4', given.tcp_ip_v4_csum],
    ['udpV4', given.udp_ip_v4_csum],
    ['tcpV6', given.tcp_ip_v6_csum],
    ['udpV6', given.udp_ip_v6_csum],
  ]
  for (const [of, value] of settings) {
    if (value < OffloadSetting.disabled || value > OffloadSetting.both) continue
    offload.transmit[of] = value === OffloadSetting.transmit || value === OffloadSetting.both
    offload.receive[of] = value === OffloadSetting.receive || value === OffloadSetting.both
  }
  const on = (value: number, before: boolean): boolean =>
    value === OffloadSetting.transmit || (value !== OffloadSetting.disabled && before)
  const rsc = version >= NvspVersion.v6_1 && ((config?.capabilities ?? 0) & Capability.rsc) !== 0
  offload.lsoV4 = on(given.lso_v2_ipv4, offload.lsoV4)
  offload.lsoV6 = on(given.lso_v2_ipv6, offload.lsoV6)
  offload.rscV4 = rsc && on(given.rsc_ip_v4, offload.rscV4)
  offload.rscV6 = rsc && on(given.rsc_ip_v6, offload.rscV6)
  connection.offload = masked(offload, version)
  return RndisStatus.success
}

/** Ethernet is the only encapsulation (OpenVMM netvsp lib.rs, oid_set_offload_encapsulation). */
function setEncapsulation(view: DataView): number {
  if (!isObject(view, ObjectType.offloadEncapsulation, offloadEncapsulation.size)) return RndisStatus.invalidData
  const given = offloadEncapsulation.decode(view)
  const bad = (enabled: number, type: number, header: number): boolean =>
    enabled === SET_ON && (type !== ENCAPSULATION_8023 || header !== ETHERNET_BYTES)
  return bad(given.ipv4_enabled, given.ipv4_encapsulation_type, given.ipv4_header_size) ||
    bad(given.ipv6_enabled, given.ipv6_encapsulation_type, given.ipv6_header_size)
    ? RndisStatus.notSupported
    : RndisStatus.success
}

/**
 * What the flags call unchanged stays, whatever the rest says. The real switch does not look at the header (OpenVMM netvsp
 * lib.rs, oid_set_rss_parameters), and what a shorter revision does not have is zero.
 */
function setRss(ctx: OidTarget, view: DataView): number {
  const bytes = new Uint8Array(receiveScaleParam.size)
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, Math.min(view.byteLength, bytes.length)))
  const given = receiveScaleParam.parse(bytes)
  const { rss } = ctx.connection
  const hashInfo = given.flag & RssFlag.hashInfoUnchanged ? rss.hashInfo : given.hashinfo
  if (given.flag & RssFlag.disable || (hashInfo & HASH_FUNCTION) === 0) {
    rss.enabled = false
    return RndisStatus.success
  }
  const key = given.flag & RssFlag.keyUnchanged ? rss.key : readKey(view, given.hashkey_offset, given.hashkey_size)
  if (typeof key === 'number') return key
  const table =
    given.flag & RssFlag.tableUnchanged && rss.table.length > 0
      ? rss.table
      : readTable(ctx.queueLimit, view, given.indirect_taboffset, given.indirect_tabsize)
  if (typeof table === 'number') return table
  ctx.connection.rss = { enabled: true, hashInfo, key, table }
  return RndisStatus.success
}

/** A key of 40 bytes, or a status. */
function readKey(view: DataView, offset: number, size: number): Uint8Array | number {
  if (size !== RSS_KEY_BYTES) return RndisStatus.invalidData
  if (offset > view.byteLength - size) return RndisStatus.failure
  return new Uint8Array(view.buffer, view.byteOffset + offset, size).slice()
}

/** 128 entries, which fewer fill in turn and of which more are cut; or a status. */
function readTable(queues: number, view: DataView, offset: number, size: number): number[] | number {
  if (size === 0 || size % 4 !== 0) return RndisStatus.invalidData
  const given = Math.min(size / 4, TABLE_ENTRIES)
  if (offset > view.byteLength - given * 4) return RndisStatus.failure
  const table = Array.from({ length: TABLE_ENTRIES }, (_, index) => view.getUint32(offset + (index % given) * 4, true))
  return table.every((queue) => queue < queues) ? table : RndisStatus.invalidData
}
