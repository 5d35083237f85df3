import { readPacketInfo, type PacketInfo } from './ppi.ts'
import { PACKET_HEADER, RNDIS_HEADER, RndisType, packet } from './rndis.ts'

/**
 * Reads the infos of an RNDIS packet of `size` bytes at `at`, all of them copied. Returns where its data begins in the view,
 * all of which lies within the packet; -1 for a packet that makes no sense.
 */
export function readPacketBody(view: DataView, at: number, size: number, into: PacketInfo): number {
  const body = at + RNDIS_HEADER
  const room = size - RNDIS_HEADER
  if (room < packet.size) return -1
  const dataOffset = packet.read.data_offset(view, body)
  const dataLength = packet.read.data_len(view, body)
  const infoOffset = packet.read.per_pkt_info_offset(view, body)
  const infoLength = packet.read.per_pkt_info_len(view, body)
  if (dataOffset > room || dataLength > room - dataOffset) return -1
  if (infoLength > 0 && (infoOffset < packet.size || infoOffset > room || infoLength > room - infoOffset)) return -1
  return readPacketInfo(view, body + infoOffset, infoLength, into) ? body + dataOffset : -1
}

/** Writes the header of a packet whose infos end at `infoEnd`, and whose `length` bytes of data begin at `dataAt`. */
export function writePacketHeader(view: DataView, infoEnd: number, dataAt: number, length: number): void {
  view.setUint32(0, RndisType.packet, true)
  view.setUint32(4, dataAt + length, true)
  packet.write.data_offset(view, RNDIS_HEADER, dataAt - RNDIS_HEADER)
  packet.write.data_len(view, RNDIS_HEADER, length)
  packet.write.per_pkt_info_offset(view, RNDIS_HEADER, PACKET_HEADER - RNDIS_HEADER)
  packet.write.per_pkt_info_len(view, RNDIS_HEADER, infoEnd - PACKET_HEADER)
}
