import { finishChecksum, internetChecksum } from '../checksum.ts'
import { readU16, writeU16 } from '../frame.ts'
import { PROTOCOL } from '../packet.ts'
import type { IpBytes } from './address.ts'
import { newOutgoing, transportChecksumOk, transportSum, type Outgoing } from './packets.ts'
import type { Problem, Received } from './parsed.ts'

/** An answer to `ping`. `payload` is valid during the call. */
interface EchoReply {
  readonly address: IpBytes
  readonly id: number
  readonly sequence: number
  readonly payload: Uint8Array
}

const ICMP_HEADER = 8
const V4 = { reply: 0, unreachable: 3, request: 8, problem: 12 } as const
const V6 = { unreachable: 1, problem: 4, request: 128, reply: 129 } as const
/** Codes of "unreachable" (RFC 792; RFC 4443, 3.1). IPv6 tells of an unknown protocol as a problem. */
const UNREACHABLE = { port4: 3, port6: 4, protocol4: 2 } as const
/** Messages that are no errors: to any other of ICMP none is answered (RFC 1122, 3.2.2). */
const QUERIES_V4 = new Set([0, 8, 9, 10, 13, 14, 15, 16, 17, 18])
const FIRST_QUERY_V6 = 128
/** Bytes of a packet that go back: its header and 64 bits, or as much as fits in 1280 (RFC 4443, 2.4, c). */
const QUOTED_V4 = 8
const QUOTED_V6 = 1280 - 40 - ICMP_HEADER

const protocolFor = (address: IpBytes): number => (address.length === 4 ? PROTOCOL.icmp : PROTOCOL.icmpv6)

/** An ICMP or ICMPv6 message, its checksum done: ICMPv6 covers the addresses (RFC 4443, 2.3), ICMP does not (RFC 792). */
export function icmpMessage(
  type: number,
  code: number,
  rest: number,
  payload: Uint8Array,
  source: IpBytes,
  destination: IpBytes,
): Outgoing {
  const outgoing = newOutgoing(source.length, ICMP_HEADER + payload.length)
  const { bytes, start } = outgoing
  bytes[start] = type
  bytes[start + 1] = code
  writeU16(bytes, start + 4, rest >>> 16)
  writeU16(bytes, start + 6, rest & 0xffff)
  bytes.set(payload, start + ICMP_HEADER)
  const sum =
    source.length === 4
      ? internetChecksum(bytes, start, bytes.length)
      : finishChecksum(transportSum(source, destination, PROTOCOL.icmpv6, bytes, start, bytes.length))
  writeU16(bytes, start + 2, sum)
  return outgoing
}

export interface Icmp {
  receive(received: Received): void
  ping(source: IpBytes, destination: IpBytes, id: number, sequence: number, payload: Uint8Array): void
  /** Tells the sender of a message that nobody listens there: its IP header and first bytes go back. */
  unreachable(received: Received, what: 'port' | 'protocol'): void
  /** Tells the sender of a packet what is wrong with it. */
  problem(received: Received, problem: Problem): void
}

export interface IcmpDeps {
  send(outgoing: Outgoing, source: IpBytes, destination: IpBytes, protocol: number): void
  echoed(reply: EchoReply): void
  /** An address of ours to answer from. */
  sourceFor(received: Received): IpBytes | undefined
  /** Whether an address is that of many. */
  isGroup(address: IpBytes): boolean
}

/** An ICMP message that is an error, or may be one: what cannot be seen is not answered. */
const isError = ({ source, protocol, bytes, start }: Received): boolean => {
  const type = bytes[start] ?? 0
  if (source.length === 4) return protocol === PROTOCOL.icmp && !QUERIES_V4.has(type)
  return protocol === PROTOCOL.icmpv6 && type < FIRST_QUERY_V6
}

export function createIcmp({ send, echoed, sourceFor, isGroup }: IcmpDeps): Icmp {
  const echo = (type: number, rest: number, payload: Uint8Array, source: IpBytes, destination: IpBytes): void =>
    send(icmpMessage(type, 0, rest, payload, source, destination), source, destination, protocolFor(source))
  /** An error goes to one station that sent to one, and never for an error (RFC 1122, 3.2.2; RFC 4443, 2.4, e). */
  const sendError = (received: Received, type: number, code: number, rest: number, evenToGroups = false): void => {
    const { bytes, network, start, end, toGroup } = received
    if (network < 0 || isError(received)) return // put together: no header is at hand
    if (!evenToGroups && (toGroup || isGroup(received.destination))) return
    const source = sourceFor(received)
    if (source === undefined) return
    const destination = received.source.slice()
    const v4 = source.length === 4
    const quoted = bytes.slice(network, Math.min(end, v4 ? start + QUOTED_V4 : network + QUOTED_V6))
    send(icmpMessage(type, code, rest, quoted, source, destination), source, destination, protocolFor(source))
  }
  return {
    receive(received) {
      const { bytes, start, end } = received
      if (end - start < ICMP_HEADER) return
      const v4 = received.source.length === 4
      const valid = v4 ? internetChecksum(bytes, start, end) === 0 : transportChecksumOk(received)
      if (!valid || bytes[start + 1] !== 0) return
      const type = bytes[start]
      const payload = bytes.subarray(start + ICMP_HEADER, end)
      if (type === (v4 ? V4.request : V6.request)) {
        const source = sourceFor(received)
        if (source !== undefined)
          echo(
            v4 ? V4.reply : V6.reply,
            (readU16(bytes, start + 4) << 16) | readU16(bytes, start + 6),
            payload,
            source,
            received.source.slice(),
          )
      } else if (type === (v4 ? V4.reply : V6.reply)) {
        echoed({
          address: received.source,
          id: readU16(bytes, start + 4),
          sequence: readU16(bytes, start + 6),
          payload,
        })
      }
    },
    ping(source, destination, id, sequence, payload) {
      echo(
        source.length === 4 ? V4.request : V6.request,
        ((id & 0xffff) << 16) | (sequence & 0xffff),
        payload,
        source,
        destination,
      )
    },
    unreachable(received, what) {
      const v4 = received.source.length === 4
      if (what === 'port')
        sendError(received, v4 ? V4.unreachable : V6.unreachable, v4 ? UNREACHABLE.port4 : UNREACHABLE.port6, 0)
      else if (v4) sendError(received, V4.unreachable, UNREACHABLE.protocol4, 0)
    },
    problem(received, { code, pointer, evenToGroups = false }) {
      if (received.source.length === 4) sendError(received, V4.problem, code, pointer << 24)
      else sendError(received, V6.problem, code, pointer, evenToGroups)
    },
  }
}
