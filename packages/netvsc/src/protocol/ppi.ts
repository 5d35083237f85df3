import { struct, u16, u8 } from '@vmbus/layout'
import type { VlanTag } from '@vmbus/switch'

/** Types of per-packet info (Linux hyperv_net.h, `enum ndis_per_pkt_info_type`). */
export const PpiType = { checksum: 0, ipsec: 1, lso: 2, vlan: 6, hashValue: 8, hashInfo: 9 } as const
/** Internal type 1 numbers the fragments of a coalesced packet. */
export const INTERNAL_PACKET_ID = 1
const INTERNAL = 0x8000_0000

/** Size, type and data offset before an element's data. */
export const PPI_HEADER = 12

/** Flags of a packet id (Linux hyperv_net.h, RNDIS_PKTINFO_*). */
export const PacketIdFlag = { subAllocation: 1, first: 2, last: 4 } as const
export const packetId = struct('rndis_pktinfo_id', { ver: u8, flag: u8, pkt_id: u16 })

/** Transmit checksum requests. */
export const TxChecksum = { ipv4: 1, ipv6: 2, tcp: 4, udp: 8, ipHeader: 16 } as const
/** Receive checksum verdicts. */
export const RxChecksum = {
  tcpFailed: 1,
  udpFailed: 2,
  ipFailed: 4,
  tcpSucceeded: 8,
  udpSucceeded: 16,
  ipSucceeded: 32,
} as const

const LSO_MSS = 0xf_ffff
const LSO_V2 = 1 << 30

export const lsoMss = (word: number): number => word & LSO_MSS
export const lsoWord = (mss: number, tcpOffset: number, ipv6: boolean): number =>
  ((mss & LSO_MSS) | ((tcpOffset & 0x3ff) << 20) | LSO_V2 | (ipv6 ? 1 << 31 : 0)) >>> 0
export const checksumWord = (flags: number, tcpOffset: number): number => (flags | ((tcpOffset & 0x3ff) << 16)) >>> 0

/** Priority in bits 0 … 2, DEI in bit 3, id in bits 4 … 15. */
export const vlanWord = ({ id, priority, dei }: VlanTag): number => (priority & 7) | (dei ? 8 : 0) | ((id & 0xfff) << 4)
export const vlanOf = (word: number): VlanTag => ({
  id: (word >>> 4) & 0xfff,
  priority: word & 7,
  dei: (word & 8) !== 0,
})

/** What the elements of one packet say. A field that no element gave is -1. Filled anew for each packet. */
export interface PacketInfo {
  checksum: number
  lso: number
  vlan: number
  hash: number
  hashInfo: number
  /** Flags and number of a coalesced packet's fragment. */
  idFlags: number
  id: number
}

export const packetInfo = (): PacketInfo => ({
  checksum: -1,
  lso: -1,
  vlan: -1,
  hash: -1,
  hashInfo: -1,
  idFlags: -1,
  id: -1,
})

/**
 * Reads the elements that stand in `length` bytes from `start`; the span must lie within the view. False when an
 * element is cut short, empty or overlapping: nothing may be believed of such a packet.
 */
export function readPacketInfo(view: DataView, start: number, length: number, into: PacketInfo): boolean {
  into.checksum = into.lso = into.vlan = into.hash = into.hashInfo = into.idFlags = into.id = -1
  const end = start + length
  let at = start
  while (at < end) {
    if (end - at < PPI_HEADER) return false
    const size = view.getUint32(at, true)
    const data = view.getUint32(at + 8, true)
    if (size < PPI_HEADER || size > end - at || data < PPI_HEADER || data > size) return false
    if (size - data >= 4) take(into, view.getUint32(at + 4, true), view.getUint32(at + data, true))
    at += size
  }
  return true
}

function take(into: PacketInfo, type: number, word: number): void {
  switch (type) {
    case PpiType.checksum:
      into.checksum = word
      return
    case PpiType.lso:
      into.lso = word
      return
    case PpiType.vlan:
      into.vlan = word & 0xffff
      return
    case PpiType.hashValue:
      into.hash = word
      return
    case PpiType.hashInfo:
      into.hashInfo = word
      return
    case INTERNAL + INTERNAL_PACKET_ID:
      into.idFlags = (word >>> 8) & 0xff
      into.id = word >>> 16
  }
}

/** Bytes of an element with one word of data. */
export const PPI_WORD = PPI_HEADER + 4

/** Writes one element and returns where the next begins. */
export function writePpi(view: DataView, at: number, type: number, word: number): number {
  view.setUint32(at, PPI_WORD, true)
  view.setUint32(at + 4, type, true)
  view.setUint32(at + 8, PPI_HEADER, true)
  view.setUint32(at + 12, word, true)
  return at + PPI_WORD
}

export const packetIdWord = (flags: number, id: number): number => (1 | (flags << 8) | ((id & 0xffff) << 16)) >>> 0
export const PACKET_ID_TYPE = INTERNAL + INTERNAL_PACKET_ID
