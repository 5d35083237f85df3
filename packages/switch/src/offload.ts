import { addWords, finishChecksum, internetChecksum, pseudoHeader, udpChecksum } from './checksum.ts'
import { readU16, readU32, writeU16, writeU32, type Offload } from './frame.ts'
import { PROTOCOL, locate, type Located } from './packet.ts'

const TCP_FLAG = { fin: 0x01, psh: 0x08, cwr: 0x80 } as const
const SMALLEST_TCP_HEADER = 20
const UDP_HEADER = 8
const LARGEST_U16 = 0xffff

/**
 * A copy of `bytes` with the checksums that `offload` asks for, or undefined when the frame does not hold what it
 * says (not IP, a fragment, a header cut short).
 */
export function fillChecksums(bytes: Uint8Array, offload: Offload): Uint8Array | undefined {
  const at = locate(bytes)
  if (at === undefined) return undefined
  const filled = bytes.slice()
  if (offload.segment !== undefined) {
    writeLengths(filled, at)
    return fillTransport(filled, at) && fillNetwork(filled, at) ? filled : undefined
  }
  if (offload.transportChecksum && !fillTransport(filled, at)) return undefined
  if (offload.ipv4Checksum && !fillNetwork(filled, at)) return undefined
  return filled
}

/** Lengths of a large segment's IP header; one that cannot say them (more than 64 KiB) says zero. */
function writeLengths(bytes: Uint8Array, at: Located): void {
  const length = at.version === 4 ? at.end - at.network : at.end - at.network - 40
  writeU16(bytes, at.network + (at.version === 4 ? 2 : 4), length > LARGEST_U16 ? 0 : length)
}

function fillNetwork(bytes: Uint8Array, { version, network, transport }: Located): boolean {
  if (version === 6) return true
  writeU16(bytes, network + 10, 0)
  writeU16(bytes, network + 10, internetChecksum(bytes, network, transport))
  return true
}

function fillTransport(bytes: Uint8Array, at: Located): boolean {
  const length = at.end - at.transport
  const pseudo = pseudoHeader(bytes, at.addresses, at.addressesEnd, at.protocol, length)
  if (at.protocol === PROTOCOL.tcp && length >= SMALLEST_TCP_HEADER) {
    writeU16(bytes, at.transport + 16, 0)
    writeU16(bytes, at.transport + 16, finishChecksum(addWords(bytes, at.transport, at.end, pseudo)))
    return true
  }
  if (at.protocol === PROTOCOL.udp && length >= UDP_HEADER) {
    writeU16(bytes, at.transport + 6, 0)
    writeU16(bytes, at.transport + 6, udpChecksum(addWords(bytes, at.transport, at.end, pseudo)))
    return true
  }
  return false
}

/**
 * Cuts a large TCP segment into frames with at most `size` payload bytes each, whole in themselves: lengths, IPv4
 * identification counted up, sequence numbers, checksums; FIN and PSH only on the last, CWR only on the first.
 * Undefined when the frame is not such a segment. `mtu` bounds each packet: a segment that would exceed it is
 * refused, as is one that would make more than `most` frames.
 */
export function segmentTcp(bytes: Uint8Array, size: number, mtu: number, most: number): Uint8Array[] | undefined {
  const at = locate(bytes)
  if (at === undefined || at.protocol !== PROTOCOL.tcp || at.transport + SMALLEST_TCP_HEADER > at.end) return undefined
  const headerLength = ((bytes[at.transport + 12] ?? 0) >> 4) * 4
  const payload = at.transport + headerLength
  if (headerLength < SMALLEST_TCP_HEADER || payload > at.end || !(size >= 1)) return undefined
  const count = Math.max(1, Math.ceil((at.end - payload) / size))
  if (count > most || payload - at.network + Math.min(size, at.end - payload) > mtu) return undefined

  const flags = bytes[at.transport + 13] ?? 0
  const sequence = readU32(bytes, at.transport + 4)
  const identification = readU16(bytes, at.network + 4)
  return Array.from({ length: count }, (_, index) => {
    const from = payload + index * size
    const to = Math.min(from + size, at.end)
    const frame = new Uint8Array(payload + to - from)
    frame.set(bytes.subarray(0, payload))
    frame.set(bytes.subarray(from, to), payload)
    const piece: Located = { ...at, end: frame.length }
    writeLengths(frame, piece)
    if (at.version === 4) writeU16(frame, at.network + 4, (identification + index) & LARGEST_U16)
    writeU32(frame, at.transport + 4, (sequence + index * size) >>> 0)
    let kept = flags
    if (index < count - 1) kept &= ~(TCP_FLAG.fin | TCP_FLAG.psh)
    if (index > 0) kept &= ~TCP_FLAG.cwr
    frame[at.transport + 13] = kept
    fillTransport(frame, piece)
    fillNetwork(frame, piece)
    return frame
  })
}
