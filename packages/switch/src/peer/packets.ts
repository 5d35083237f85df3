import { addWords, finishChecksum, internetChecksum } from '../checksum.ts'
import { ETHERNET_HEADER, ETHERTYPE, writeU16, writeU32 } from '../frame.ts'
import { writeMac } from '../mac.ts'
import type { IpBytes } from './address.ts'
import type { Received } from './parsed.ts'

export const IPV4_HEADER = 20
export const IPV6_HEADER = 40
/** IPv6 fragment extension header (RFC 8200, 4.5). */
export const FRAGMENT_HEADER = 8
/** What follows an IPv6 header beside transport (RFC 8200, 4). */
export const HEADER = { hopByHop: 0, routing: 43, fragment: 44, none: 59, destination: 60 } as const
export const DEFAULT_HOPS = 64
const DONT_FRAGMENT = 0x4000

/** A frame with room for all headers; the transport message begins at `start`. */
export interface Outgoing {
  readonly bytes: Uint8Array
  readonly start: number
}

const headerOf = (addressLength: number): number => (addressLength === 4 ? IPV4_HEADER : IPV6_HEADER)

export function newOutgoing(addressLength: number, length: number): Outgoing {
  const start = ETHERNET_HEADER + headerOf(addressLength)
  return { bytes: new Uint8Array(start + length), start }
}

/** The pseudo-header and message sum of what stands in `bytes[start, end)`. */
export function transportSum(
  source: IpBytes,
  destination: IpBytes,
  protocol: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let sum = protocol + ((end - start) & 0xffff) + ((end - start) >>> 16)
  sum = addWords(source, 0, source.length, sum)
  sum = addWords(destination, 0, destination.length, sum)
  return addWords(bytes, start, end, sum)
}

export const transportChecksumOk = (received: Received): boolean =>
  received.trusted ||
  finishChecksum(
    transportSum(
      received.source,
      received.destination,
      received.protocol,
      received.bytes,
      received.start,
      received.end,
    ),
  ) === 0

export function writeEthernet(bytes: Uint8Array, destination: number, source: number, type: number): void {
  writeMac(bytes, 0, destination)
  writeMac(bytes, 6, source)
  writeU16(bytes, 12, type)
}

export interface HeaderFields {
  readonly source: IpBytes
  readonly destination: IpBytes
  readonly protocol: number
  readonly hops: number
  readonly identification: number
  /** Routers may cut an IPv4 packet that was not cut here (RFC 791, DF). */
  readonly mayFragment?: boolean
}

/** The frames of one packet, one if it fits in `mtu`, else fragments. Ethernet addresses are left to be written. */
export function ipFrames({ bytes, start }: Outgoing, fields: HeaderFields, mtu: number): Uint8Array[] {
  const header = start - ETHERNET_HEADER
  const v4 = header === IPV4_HEADER
  if (bytes.length - ETHERNET_HEADER <= mtu) {
    if (v4) writeV4(bytes, fields, bytes.length - ETHERNET_HEADER, fields.mayFragment ? 0 : DONT_FRAGMENT)
    else writeV6(bytes, fields, bytes.length - start, fields.protocol)
    return [bytes]
  }
  const extra = v4 ? 0 : FRAGMENT_HEADER
  const room = Math.floor((mtu - header - extra) / 8) * 8
  const frames: Uint8Array[] = []
  for (let at = start; at < bytes.length; at += room) {
    const piece = bytes.subarray(at, Math.min(at + room, bytes.length))
    const frame = new Uint8Array(start + extra + piece.length)
    frame.set(piece, start + extra)
    const more = at + room < bytes.length
    const offset = at - start
    if (v4) writeV4(frame, fields, frame.length - ETHERNET_HEADER, (more ? 0x2000 : 0) | (offset >> 3))
    else {
      writeV6(frame, fields, frame.length - start, HEADER.fragment)
      frame[start] = fields.protocol
      writeU16(frame, start + 2, offset | (more ? 1 : 0))
      writeU32(frame, start + 4, fields.identification)
    }
    frames.push(frame)
  }
  return frames
}

function writeV4(bytes: Uint8Array, fields: HeaderFields, length: number, fragment: number): void {
  const at = ETHERNET_HEADER
  writeU16(bytes, 12, ETHERTYPE.ipv4)
  bytes[at] = 0x45
  writeU16(bytes, at + 2, length)
  writeU16(bytes, at + 4, fields.identification & 0xffff)
  writeU16(bytes, at + 6, fragment)
  bytes[at + 8] = fields.hops
  bytes[at + 9] = fields.protocol
  bytes.set(fields.source, at + 12)
  bytes.set(fields.destination, at + 16)
  writeU16(bytes, at + 10, internetChecksum(bytes, at, at + IPV4_HEADER))
}

function writeV6(bytes: Uint8Array, fields: HeaderFields, length: number, next: number): void {
  const at = ETHERNET_HEADER
  writeU16(bytes, 12, ETHERTYPE.ipv6)
  bytes[at] = 0x60
  writeU16(bytes, at + 4, length)
  bytes[at + 6] = next
  bytes[at + 7] = fields.hops
  bytes.set(fields.source, at + 8)
  bytes.set(fields.destination, at + 24)
}
