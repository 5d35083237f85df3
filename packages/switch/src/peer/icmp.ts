import { finishChecksum, internetChecksum } from '../checksum.ts'
import { readU16, writeU16 } from '../frame.ts'
import { PROTOCOL } from '../packet.ts'
import type { IpBytes } from './address.ts'
import { newOutgoing, transportChecksumOk, transportSum, type Outgoing, type Received } from './packets.ts'

/** An answer to `ping`. `payload` is valid during the call. */
interface EchoReply {
  readonly address: IpBytes
  readonly id: number
  readonly sequence: number
  readonly payload: Uint8Array
}

const ICMP_HEADER = 8
const V4 = { reply: 0, unreachable: 3, request: 8 } as const
const V6 = { unreachable: 1, request: 128, reply: 129 } as const
/** "Port unreachable" among the codes of each. */
const PORT_UNREACHABLE = { v4: 3, v6: 4 } as const

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
  /** Tells the sender of a UDP datagram that nobody listens: its IP header and first bytes go back. */
  portUnreachable(received: Received): void
}

export interface IcmpDeps {
  send(outgoing: Outgoing, source: IpBytes, destination: IpBytes, protocol: number): void
  echoed(reply: EchoReply): void
  /** An address of ours to answer from. */
  sourceFor(received: Received): IpBytes | undefined
}

export function createIcmp({ send, echoed, sourceFor }: IcmpDeps): Icmp {
  const echo = (type: number, rest: number, payload: Uint8Array, source: IpBytes, destination: IpBytes): void =>
    send(icmpMessage(type, 0, rest, payload, source, destination), source, destination, protocolFor(source))
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
    portUnreachable(received) {
      const source = received.destination.slice()
      const destination = received.source.slice()
      const v4 = source.length === 4
      // RFC 792: the IP header and 64 bits. ICMPv6 takes as much as fits in 1280 bytes; the same 64 bits identify it.
      const headerStart = received.start - (v4 ? 20 : 40)
      if (headerStart < 0) return // reassembled: no header is at hand
      const quoted = received.bytes.slice(headerStart, Math.min(received.end, received.start + 8))
      send(
        icmpMessage(
          v4 ? V4.unreachable : V6.unreachable,
          v4 ? PORT_UNREACHABLE.v4 : PORT_UNREACHABLE.v6,
          0,
          quoted,
          source,
          destination,
        ),
        source,
        destination,
        protocolFor(source),
      )
    },
  }
}
