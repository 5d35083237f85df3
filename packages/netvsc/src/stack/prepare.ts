import {
  PROTOCOL,
  fillChecksums,
  finishChecksum,
  locate,
  pseudoHeader,
  segmentTcp,
  type Frame,
  type Located,
} from '@vmbus/switch'
import type { GuestOffloads } from '../guest/types.ts'

/** 64 KiB in pieces of the least MSS that Linux uses (48). */
const MOST_SEGMENTS = 2048
const TCP_CHECKSUM_AT = 16
const UDP_CHECKSUM_AT = 6
const NONE: readonly Frame[] = []

/** No offload: all is done in software. */
export const NO_OFFLOADS: GuestOffloads = {
  tcpV4: false,
  udpV4: false,
  tcpV6: false,
  udpV6: false,
  lsoV4: 0,
  lsoV6: 0,
  rsc: false,
}

/**
 * Does what the adapter cannot, and leaves the rest beside the frame (Linux net/core/dev.c, validate_xmit_skb). Several frames
 * where a segment is cut here; none when the frame is not what its request says. `mtu` bounds each packet.
 */
export function prepare(frame: Frame, can: GuestOffloads, mtu: number): readonly Frame[] {
  const { bytes, vlan, offload } = frame
  if (offload === undefined) return [frame]
  const at = locate(bytes)
  if (at === undefined) return NONE
  if (offload.segment !== undefined) return segments(frame, at, offload.segment, can, mtu)
  if (fills(can, at)) return [{ bytes: withPseudoSum(bytes, at, at.end - at.transport), vlan, offload }]
  const filled = fillChecksums(bytes, offload)
  return filled === undefined ? NONE : [{ bytes: filled, vlan }]
}

function segments(frame: Frame, at: Located, segment: number, can: GuestOffloads, mtu: number): readonly Frame[] {
  const { bytes, vlan } = frame
  if (at.protocol !== PROTOCOL.tcp || !Number.isSafeInteger(segment) || segment < 1) return NONE
  const most = at.version === 4 ? can.lsoV4 : can.lsoV6
  const header = ((bytes[at.transport + 12] ?? 0) >> 4) * 4
  if (bytes.length <= most && at.transport + header - at.network + segment <= mtu)
    return [{ bytes: large(bytes, at), vlan, offload: { segment } }]
  const pieces = segmentTcp(bytes, segment, mtu, MOST_SEGMENTS) ?? []
  return pieces.map((piece) => ({ bytes: piece, vlan }))
}

const fills = (can: GuestOffloads, { protocol, version }: Located): boolean =>
  (protocol === PROTOCOL.tcp && (version === 4 ? can.tcpV4 : can.tcpV6)) ||
  (protocol === PROTOCOL.udp && (version === 4 ? can.udpV4 : can.udpV6))

/**
 * A segment as it is left to a host: length and checksum of an IPv4 header zero, the length of an IPv6 header zero, and in the
 * checksum of TCP the sum of a pseudo-header without length (Linux netvsc_drv.c, netvsc_xmit).
 */
function large(bytes: Uint8Array, at: Located): Uint8Array {
  const made = withPseudoSum(bytes, at, 0)
  const zeros = at.version === 4 ? [2, 3, 10, 11] : [4, 5]
  for (const offset of zeros) made[at.network + offset] = 0
  return made
}

/** The sum of the pseudo-header in place of the checksum, for whoever fills that in (Linux CHECKSUM_PARTIAL). */
function withPseudoSum(bytes: Uint8Array, at: Located, length: number): Uint8Array {
  const made = bytes.slice()
  const sum = pseudoHeader(bytes, at.addresses, at.addressesEnd, at.protocol, length)
  const field = at.transport + (at.protocol === PROTOCOL.udp ? UDP_CHECKSUM_AT : TCP_CHECKSUM_AT)
  new DataView(made.buffer).setUint16(field, ~finishChecksum(sum) & 0xffff)
  return made
}
