import { isSame } from './is-same.ts'

/** One end of a flow. */
export interface FlowEnd {
  readonly mac: string
  readonly address: string
  readonly port: number
}

/** Ethernet, IPv4 and TCP, without options (RFC 894, 791, 9293). */
const HEADERS = 54
const IP_AT = 14
const TCP_AT = 34
const TCP = 6
const SEQUENCE = 1000
/** Of the payload: neither what memory begins with nor what a frame before left there. */
const FILL = 0xa5

/** A TCP segment, whose own checksum is not filled in. */
export function tcpFrame(from: FlowEnd, to: FlowEnd, payload: number): Uint8Array {
  const bytes = new Uint8Array(HEADERS + payload).fill(FILL, HEADERS)
  const view = new DataView(bytes.buffer)
  const mac = (text: string, at: number): void =>
    bytes.set(
      text.split(':').map((part) => Number.parseInt(part, 16)),
      at,
    )
  mac(to.mac, 0)
  mac(from.mac, 6)
  // IPv4 of 20 bytes, not to be cut, 64 hops.
  bytes.set([0x08, 0, 0x45], 12)
  view.setUint16(IP_AT + 2, 40 + payload)
  bytes.set([0x40, 0, 64, TCP], IP_AT + 6)
  bytes.set(from.address.split('.').map(Number), IP_AT + 12)
  bytes.set(to.address.split('.').map(Number), IP_AT + 16)
  view.setUint16(IP_AT + 10, ~sum(bytes.subarray(IP_AT, TCP_AT)))
  view.setUint16(TCP_AT, from.port)
  view.setUint16(TCP_AT + 2, to.port)
  view.setUint32(TCP_AT + 4, SEQUENCE)
  // 20 bytes, ACK.
  bytes.set([0x50, 0x10], TCP_AT + 12)
  return bytes
}

export const isTcp = (bytes: Uint8Array): boolean =>
  bytes.length >= HEADERS && bytes[12] === 0x08 && bytes[13] === 0 && bytes[IP_AT + 9] === TCP

/** One's complement sum over words of 16 bits (RFC 1071). */
function sum(bytes: Uint8Array, start = 0): number {
  let total = start
  for (let at = 0; at < bytes.length; at += 2) total += ((bytes[at] ?? 0) << 8) + (bytes[at + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}

/** What a TCP frame carries. */
interface Carried {
  /** Bytes, and from which on. */
  readonly payload: number
  readonly at: number
  /** Both checksums are right. */
  readonly isRight: boolean
  /** All of it is as `tcpFrame` makes it. */
  readonly isOurs: boolean
}

export function tcpOf(bytes: Uint8Array): Carried {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = IP_AT + view.getUint16(IP_AT + 2)
  const segment = bytes.subarray(TCP_AT, end)
  const pseudo = sum(bytes.subarray(IP_AT + 12, TCP_AT), TCP + segment.length)
  return {
    isOurs: isSame(bytes.subarray(HEADERS, end), new Uint8Array(end - HEADERS).fill(FILL)),
    payload: end - HEADERS,
    at: view.getUint32(TCP_AT + 4) - SEQUENCE,
    isRight: sum(bytes.subarray(IP_AT, TCP_AT)) === 0xffff && sum(segment, pseudo) === 0xffff,
  }
}

/** For experiments on a local network (IEEE 802). */
const EXPERIMENT = [0x88, 0xb5]

/** An Ethernet frame that no protocol reads. */
export function frameOf(to: string, from: string, payload: number): Uint8Array {
  const macs = [...to.split(':'), ...from.split(':')].map((part) => Number.parseInt(part, 16))
  const frame = new Uint8Array(macs.length + EXPERIMENT.length + payload).fill(payload & 0xff)
  frame.set([...macs, ...EXPERIMENT])
  return frame
}
