import { writeMac } from '@vmbus/switch'
import {
  ENCAPSULATION_8023,
  FRIENDLY_NAME_BYTES,
  ObjectType,
  RSS_CAPABILITIES_REVISION,
  RssCap,
  TABLE_ENTRIES,
  linkSpeed,
  linkState,
  objectHeader,
  offloadEncapsulation,
  receiveScaleCap,
} from '../protocol/ndis.ts'
import { MacOption, Oid } from '../protocol/oids.ts'
import { RndisStatus } from '../protocol/rndis.ts'
import { offloadBytes, offloadRevision, supportedOffload } from './offload.ts'
import { ETHERNET_BYTES } from './options.ts'
import { isLinkUp } from './state.ts'
import type { OidTarget } from './types.ts'

const VENDOR_ID = 0x155d
const VENDOR = 'Microsoft Corporation'
const FRIENDLY_NAME = 'Network Device'
const DRIVER_VERSION = 0x0100
const BUFFER_SPACE = 256 * 1024
const MULTICAST_ENTRIES = 32
/** MediaDuplexStateUnknown and NdisPauseFunctionsUnsupported, for there is no wire (Windows SDK ntddndis.h). */
const DUPLEX_UNKNOWN = 0
const PAUSE_UNSUPPORTED = 0
/** OpenVMM netvsp lib.rs, OID_GEN_MAC_OPTIONS. */
const MAC_OPTIONS =
  MacOption.copyLookaheadData |
  MacOption.transfersNotPend |
  MacOption.noLoopback |
  MacOption.priority8021p |
  MacOption.vlan8021q
const SPEED_UNIT = 100

function macBytes(mac: number): Uint8Array {
  const bytes = new Uint8Array(6)
  writeMac(bytes, 0, mac)
  return bytes
}

const u64 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true)
  return bytes
}

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, Math.min(value, 0xffff_ffff), true)
  return bytes
}

/** The NDIS version from which an OID is known: RSS needs 6.30 (OpenVMM netvsp lib.rs, handle_oid_query). */
const isNdis6 = ({ connection: { ndis } }: OidTarget): boolean => (ndis?.major ?? 0) >= 6
export const isNdis630 = ({ connection: { ndis } }: Pick<OidTarget, 'connection'>): boolean =>
  ndis !== null && (ndis.major > 6 || (ndis.major === 6 && ndis.minor >= 30))

/** Bytes of an OID's value, or the status that says why there are none. `given` is what came with the query. */
export function query(ctx: OidTarget, oid: number, given: Uint8Array): Uint8Array | number {
  const answer = NDIS5[oid] ?? (isNdis6(ctx) ? NDIS6[oid] : undefined) ?? (isNdis630(ctx) ? NDIS6_30[oid] : undefined)
  return answer?.(ctx, given) ?? RndisStatus.notSupported
}

type Answer = (ctx: OidTarget, given: Uint8Array) => Uint8Array | undefined

/** In units of 100 bit/s. */
export const speedBytes = (bitsPerSecond: number): Uint8Array => u32(Math.floor(bitsPerSecond / SPEED_UNIT))

const payload = ({ connection }: OidTarget): number => connection.frameBytes - ETHERNET_BYTES

const NDIS5: Readonly<Record<number, Answer>> = {
  [Oid.supportedList]: supportedList,
  [Oid.hardwareStatus]: () => u32(0),
  [Oid.mediaSupported]: () => u32(0),
  [Oid.mediaInUse]: () => u32(0),
  [Oid.maximumLookahead]: (ctx) => u32(payload(ctx)),
  [Oid.currentLookahead]: (ctx) => u32(payload(ctx)),
  [Oid.maximumFrameSize]: (ctx) => u32(payload(ctx)),
  [Oid.maximumTotalSize]: (ctx) => u32(ctx.connection.frameBytes),
  [Oid.transmitBlockSize]: (ctx) => u32(ctx.connection.frameBytes),
  [Oid.receiveBlockSize]: (ctx) => u32(ctx.connection.frameBytes),
  [Oid.linkSpeed]: ({ speed }) => speedBytes(speed),
  [Oid.transmitBufferSpace]: () => u32(BUFFER_SPACE),
  [Oid.receiveBufferSpace]: () => u32(BUFFER_SPACE),
  [Oid.vendorId]: () => u32(VENDOR_ID),
  [Oid.vendorDescription]: () => Uint8Array.from(`${VENDOR}\0`, (letter) => letter.charCodeAt(0)),
  [Oid.driverVersion]: () => u32(DRIVER_VERSION).subarray(0, 2),
  // Two bytes, as OID_GEN_DRIVER_VERSION (OpenVMM netvsp lib.rs).
  [Oid.vendorDriverVersion]: () => u32(DRIVER_VERSION).subarray(0, 2),
  [Oid.packetFilter]: (ctx) => u32(ctx.connection.filter),
  [Oid.macOptions]: () => u32(MAC_OPTIONS),
  [Oid.mediaConnectStatus]: (ctx) => u32(isLinkUp(ctx) ? 0 : 1),
  [Oid.maximumSendPackets]: () => u32(0xffff_ffff),
  [Oid.permanentAddress]: (ctx) => macBytes(ctx.permanentMac),
  [Oid.currentAddress]: (ctx) => macBytes(ctx.connection.mac),
  [Oid.maximumListSize]: () => u32(MULTICAST_ENTRIES),
  [Oid.friendlyName]: friendlyName,
  [Oid.transmitOk]: (ctx) => u32(ctx.statistics.framesSent),
  [Oid.receiveOk]: (ctx) => u32(ctx.statistics.framesReceived),
  [Oid.transmitError]: (ctx) => u32(ctx.statistics.sendErrors),
  [Oid.receiveError]: (ctx) => u32(ctx.statistics.receiveErrors),
  [Oid.receiveNoBuffer]: (ctx) => u32(ctx.statistics.noBuffer),
  [Oid.receiveAlignmentError]: () => u32(0),
  [Oid.transmitOneCollision]: () => u32(0),
  [Oid.transmitMoreCollisions]: () => u32(0),
  // Linux asks for it from NVSP 1 on, with NDIS 6.1.
  [Oid.offloadHardwareCapabilities]: hardwareCapabilities,
}

const NDIS6: Readonly<Record<number, Answer>> = {
  [Oid.linkState]: (ctx) => {
    const speed = BigInt(ctx.speed)
    const header = { type: ObjectType.default, revision: 1, size: linkState.size }
    return linkState.toBytes({
      header,
      media_connect_state: isLinkUp(ctx) ? 1 : 2,
      media_duplex_state: DUPLEX_UNKNOWN,
      xmit_link_speed: speed,
      rcv_link_speed: speed,
      pause_functions: PAUSE_UNSUPPORTED,
      auto_negotiation_flags: 0,
    })
  },
  [Oid.maxLinkSpeed]: (ctx) => linkSpeed.toBytes({ xmit: BigInt(ctx.speed), rcv: BigInt(ctx.speed) }),
  [Oid.offloadEncapsulation]: () =>
    offloadEncapsulation.toBytes({
      header: { type: ObjectType.offloadEncapsulation, revision: 1, size: offloadEncapsulation.size },
      ipv4_enabled: 1,
      ipv4_encapsulation_type: ENCAPSULATION_8023,
      ipv4_header_size: ETHERNET_BYTES,
      ipv6_enabled: 1,
      ipv6_encapsulation_type: ENCAPSULATION_8023,
      ipv6_header_size: ETHERNET_BYTES,
    }),
  [Oid.offloadCurrentConfig]: ({ connection }) => offloadBytes(connection.offload, offloadRevision(connection.version)),
  [Oid.bytesReceived]: (ctx) => u64(ctx.statistics.bytesReceived),
  [Oid.bytesSent]: (ctx) => u64(ctx.statistics.bytesSent),
}

const NDIS6_30: Readonly<Record<number, Answer>> = { [Oid.receiveScaleCapabilities]: rssCapabilities }

/** Only for SET, by the NDIS version that knows them. */
const SET5: readonly number[] = [Oid.multicastList, Oid.networkLayerAddresses, Oid.configParameter]
const SET6: readonly number[] = [Oid.offloadParameters]
const SET6_30: readonly number[] = [Oid.receiveScaleParameters]

/** Every OID that this guest may query or set. */
function supportedList(ctx: OidTarget): Uint8Array {
  const oids = [...Object.keys(NDIS5).map(Number), ...SET5]
  if (isNdis6(ctx)) oids.push(...Object.keys(NDIS6).map(Number), ...SET6)
  if (isNdis630(ctx)) oids.push(...Object.keys(NDIS6_30).map(Number), ...SET6_30)
  return Uint8Array.from(oids.flatMap((oid) => [...u32(oid)]))
}

/** 512 bytes of UTF-16, filled up with zeros. */
function friendlyName(): Uint8Array {
  const bytes = new Uint8Array(FRIENDLY_NAME_BYTES)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < FRIENDLY_NAME.length; i++) view.setUint16(i * 2, FRIENDLY_NAME.charCodeAt(i), true)
  return bytes
}

/** In the revision that the guest asks for, at most 3. */
function hardwareCapabilities({ connection: { version } }: OidTarget, given: Uint8Array): Uint8Array {
  const asked = given.length >= objectHeader.size && given[0] === ObjectType.offload ? (given[1] ?? 0) : 0
  return offloadBytes(supportedOffload(version), asked === 0 ? offloadRevision(version) : Math.min(asked, 3))
}

/** OpenVMM sends 18 bytes, without the padding that others declare; Linux refuses more. */
function rssCapabilities(ctx: OidTarget): Uint8Array {
  return receiveScaleCap.toBytes({
    hdr: { type: ObjectType.rssCapabilities, revision: RSS_CAPABILITIES_REVISION, size: receiveScaleCap.size },
    cap_flag: RssCap.toeplitz | RssCap.tcpIpv4 | RssCap.tcpIpv6,
    num_int_msg: 1,
    num_recv_que: ctx.queueLimit,
    num_indirect_tabent: TABLE_ENTRIES,
  })
}
