import {
  ChecksumCap,
  ENCAPSULATION_8023,
  FRIENDLY_NAME_BYTES,
  Lso6Cap,
  MOST_TABLE_ENTRIES,
  OFFLOAD_SIZES,
  ObjectType,
  RSS_CAPABILITIES_REVISION,
  RssCap,
  linkSpeed,
  linkState,
  objectHeader,
  offload,
  offloadEncapsulation,
  receiveScaleCap,
} from '../protocol/ndis.ts'
import { NvspVersion } from '../protocol/nvsp.ts'
import { Oid } from '../protocol/oids.ts'
import { RndisStatus } from '../protocol/rndis.ts'
import { macBytes } from './filter.ts'
import { ETHERNET_BYTES } from './options.ts'
import type { HostContext } from './state.ts'

const VENDOR_ID = 0x155d
const VENDOR = 'Microsoft Corporation'
const FRIENDLY_NAME = 'Network Device'
const DRIVER_VERSION = 0x0100
const BUFFER_SPACE = 256 * 1024
/** Largest LSO send (64 KiB less the headers), and least segments. */
const LSO_BYTES = 65_536 - 256
const LSO_SEGMENTS = 2
const MULTICAST_ENTRIES = 32
const SPEED_UNIT = 100

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, Math.min(value, 0xffff_ffff), true)
  return bytes
}

/** Bytes of an OID's value, or the status that says why there are none. `given` is what came with the query. */
export function query(ctx: HostContext, oid: number, given: Uint8Array): Uint8Array | number {
  return (
    NDIS5[oid]?.(ctx, given) ??
    ((ctx.connection.ndis?.major ?? 0) >= 6 ? NDIS6[oid]?.(ctx, given) : undefined) ??
    RndisStatus.notSupported
  )
}

type Answer = (ctx: HostContext, given: Uint8Array) => Uint8Array | undefined

const payload = ({ connection }: HostContext): number => connection.frameBytes - ETHERNET_BYTES

const NDIS5: Readonly<Record<number, Answer>> = {
  [Oid.supportedList]: () =>
    Uint8Array.from(
      [...Object.keys(NDIS5), ...Object.keys(NDIS6), ...SETTABLE].flatMap((oid) => [...u32(Number(oid))]),
    ),
  [Oid.hardwareStatus]: () => u32(0),
  [Oid.mediaSupported]: () => u32(0),
  [Oid.mediaInUse]: () => u32(0),
  [Oid.maximumLookahead]: (ctx) => u32(payload(ctx)),
  [Oid.currentLookahead]: (ctx) => u32(payload(ctx)),
  [Oid.maximumFrameSize]: (ctx) => u32(payload(ctx)),
  [Oid.maximumTotalSize]: (ctx) => u32(ctx.connection.frameBytes),
  [Oid.transmitBlockSize]: (ctx) => u32(ctx.connection.frameBytes),
  [Oid.receiveBlockSize]: (ctx) => u32(ctx.connection.frameBytes),
  [Oid.linkSpeed]: (ctx) => u32(Math.floor(ctx.speed / SPEED_UNIT)),
  [Oid.transmitBufferSpace]: () => u32(BUFFER_SPACE),
  [Oid.receiveBufferSpace]: () => u32(BUFFER_SPACE),
  [Oid.vendorId]: () => u32(VENDOR_ID),
  [Oid.vendorDescription]: () => Uint8Array.from(`${VENDOR}\0`, (letter) => letter.charCodeAt(0)),
  [Oid.driverVersion]: () => u32(DRIVER_VERSION).subarray(0, 2),
  [Oid.vendorDriverVersion]: () => u32(DRIVER_VERSION),
  [Oid.packetFilter]: (ctx) => u32(ctx.connection.filter),
  [Oid.macOptions]: () => u32(0),
  [Oid.mediaConnectStatus]: (ctx) => u32(ctx.port.linkUp ? 0 : 1),
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
      media_connect_state: ctx.port.linkUp ? 1 : 2,
      media_duplex_state: 2,
      xmit_link_speed: speed,
      rcv_link_speed: speed,
      pause_functions: 1,
    })
  },
  [Oid.maxLinkSpeed]: (ctx) => linkSpeed.toBytes({ xmit: BigInt(ctx.speed), rcv: BigInt(ctx.speed) }),
  [Oid.offloadEncapsulation]: () =>
    offloadEncapsulation.toBytes({
      header: { type: ObjectType.offload, revision: 1, size: offloadEncapsulation.size },
      ipv4_enabled: 1,
      ipv4_encapsulation_type: ENCAPSULATION_8023,
      ipv4_header_size: ETHERNET_BYTES,
      ipv6_enabled: 1,
      ipv6_encapsulation_type: ENCAPSULATION_8023,
      ipv6_header_size: ETHERNET_BYTES,
    }),
  [Oid.receiveScaleCapabilities]: rssCapabilities,
}

/** Only for SET. */
const SETTABLE = [Oid.offloadParameters, Oid.receiveScaleParameters, Oid.configParameter, Oid.multicastList]

/** 512 bytes of UTF-16, filled up with zeros. */
function friendlyName(): Uint8Array {
  const bytes = new Uint8Array(FRIENDLY_NAME_BYTES)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < FRIENDLY_NAME.length; i++) view.setUint16(i * 2, FRIENDLY_NAME.charCodeAt(i), true)
  return bytes
}

/** In the revision that the guest asks for, at most 3. */
function hardwareCapabilities({ connection }: HostContext, given: Uint8Array): Uint8Array {
  const asked = given.length >= objectHeader.size && given[0] === ObjectType.offload ? (given[1] ?? 0) : 0
  const own = connection.version >= NvspVersion.v5 ? 3 : connection.version >= NvspVersion.v4 ? 2 : 1
  const revision = asked === 0 ? own : Math.min(asked, 3)
  const size = OFFLOAD_SIZES[revision] ?? 0
  const v4 = ChecksumCap.ipOptions | ChecksumCap.tcpOptions | ChecksumCap.tcp | ChecksumCap.ipv4Header
  const v6 = ChecksumCap.ipOptions | ChecksumCap.tcpOptions | ChecksumCap.tcp
  // Before NVSP 5 UDP checksums are refused (wire/10 §4).
  const udp = connection.version >= NvspVersion.v5 ? ChecksumCap.udp : 0
  const rsc = connection.version >= NvspVersion.v6_1 ? 1 : 0
  const encap = ENCAPSULATION_8023
  return offload
    .toBytes({
      header: { type: ObjectType.offload, revision, size },
      csum: {
        ip4_txenc: encap,
        ip4_txcsum: v4 | udp,
        ip4_rxenc: encap,
        ip4_rxcsum: v4 | udp,
        ip6_txenc: encap,
        ip6_txcsum: v6 | udp,
        ip6_rxenc: encap,
        ip6_rxcsum: v6 | udp,
      },
      lsov2: {
        ip4_encap: encap,
        ip4_maxsz: LSO_BYTES,
        ip4_minsg: LSO_SEGMENTS,
        ip6_encap: encap,
        ip6_maxsz: LSO_BYTES,
        ip6_minsg: LSO_SEGMENTS,
        ip6_opts: Lso6Cap.extensionHeaders | Lso6Cap.tcpOptions,
      },
      rsc: { ip4: rsc, ip6: rsc },
    })
    .subarray(0, size)
}

/** OpenVMM sends 18 bytes, without the padding that others declare; Linux refuses more. From NDIS 6.30 on. */
function rssCapabilities(ctx: HostContext): Uint8Array | undefined {
  const { ndis } = ctx.connection
  if (ndis === null || ndis.major < 6 || (ndis.major === 6 && ndis.minor < 0x1e)) return undefined
  return receiveScaleCap.toBytes({
    hdr: { type: ObjectType.rssCapabilities, revision: RSS_CAPABILITIES_REVISION, size: receiveScaleCap.size },
    cap_flag: RssCap.toeplitz | RssCap.tcpIpv4 | RssCap.tcpIpv6,
    num_int_msg: ctx.queueLimit,
    num_recv_que: ctx.queueLimit,
    num_indirect_tabent: MOST_TABLE_ENTRIES,
  })
}
