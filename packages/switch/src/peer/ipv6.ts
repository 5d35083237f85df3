import { ETHERNET_HEADER, readU16 } from '../frame.ts'
import { PROTOCOL } from '../packet.ts'
import { FRAGMENT_HEADER, HEADER, IPV6_HEADER } from './packets.ts'
import type { Parsed, Problem, Received } from './parsed.ts'

/** Codes of ICMPv6 Parameter Problem (RFC 4443, 3.4; RFC 7112, 5). */
const CODE = { field: 0, nextHeader: 1, option: 2, incomplete: 3 } as const
const PAYLOAD_LENGTH_AT = 4
const LARGEST = 65_535
/** Bytes of each transport header. */
const LEAST = new Map<number, number>([
  [PROTOCOL.tcp, 20],
  [PROTOCOL.udp, 8],
  [PROTOCOL.icmpv6, 8],
])

/** Where a chain of headers has led: to a transport or fragment header, to something wrong, or to its end too soon. */
type Chain = { readonly next: number; readonly start: number } | { readonly problem: Problem } | 'short' | 'drop'

/** The IPv6 packet of a frame, or undefined when it is to be dropped. */
export function parseV6(bytes: Uint8Array, trusted: boolean): Parsed | undefined {
  const at = ETHERNET_HEADER
  if (bytes.length < at + IPV6_HEADER || (bytes[at] ?? 0) >> 4 !== 6) return undefined
  const end = at + IPV6_HEADER + readU16(bytes, at + PAYLOAD_LENGTH_AT)
  if (end > bytes.length) return undefined
  const packet = (protocol: number, start: number, fragmented: boolean): Received => ({
    source: bytes.subarray(at + 8, at + 24),
    destination: bytes.subarray(at + 24, at + 40),
    protocol,
    bytes,
    network: at,
    start,
    end,
    hops: bytes[at + 7] ?? 0,
    trusted,
    toGroup: ((bytes[0] ?? 0) & 1) === 1,
    fragmented,
  })
  const chain = walk(bytes, at, at + 6, at + IPV6_HEADER, end)
  if (chain === 'short' || chain === 'drop') return undefined
  if ('problem' in chain) return { received: packet(0, at, false), problem: chain.problem }
  if (chain.next !== HEADER.fragment) return { received: packet(chain.next, chain.start, false) }

  const { start } = chain
  if (start + FRAGMENT_HEADER > end) return undefined
  const word = readU16(bytes, start + 2)
  const offset = word & 0xfff8
  const more = (word & 1) === 1
  const length = end - start - FRAGMENT_HEADER
  const received = packet(bytes[start] ?? 0, start + FRAGMENT_HEADER, true)
  const wrong = (code: number, pointer: number): Parsed => ({ received, problem: { code, pointer } })
  // RFC 8200, 4.5.
  if (more && length % 8 !== 0) return wrong(CODE.field, PAYLOAD_LENGTH_AT)
  if (offset + length > LARGEST) return wrong(CODE.field, start + 2 - at)
  if (offset > 0) return { received, fragment: { id: idAt(bytes, start), offset, more } }
  const rest = walk(bytes, at, start, start + FRAGMENT_HEADER, end)
  if (rest === 'drop') return undefined
  if (rest === 'short') return wrong(CODE.incomplete, 0)
  if ('problem' in rest) return { received, problem: rest.problem }
  // A second fragment header has nothing to say in a datagram that is being put together already.
  if (rest.next === HEADER.fragment) return undefined
  if (!more) return { received: packet(rest.next, rest.start, true) }
  return { received, fragment: { id: idAt(bytes, start), offset, more } }
}

const idAt = (bytes: Uint8Array, fragment: number): number =>
  ((readU16(bytes, fragment + 4) << 16) | readU16(bytes, fragment + 6)) >>> 0

/** The transport message of a datagram that was put together, behind the headers that were in it. */
export function insideV6(received: Received): Received | undefined {
  const { bytes, end, protocol } = received
  if (LEAST.has(protocol)) return received
  const behind = new Uint8Array(1 + end)
  behind[0] = protocol
  behind.set(bytes, 1)
  const chain = walk(behind, 0, 0, 1, behind.length)
  if (typeof chain === 'string' || 'problem' in chain || !LEAST.has(chain.next)) return undefined
  return { ...received, protocol: chain.next, start: chain.start - 1 }
}

/** Follows extension headers (RFC 8200, 4) from the field at `nextAt`, that says what begins at `start`. */
function walk(bytes: Uint8Array, network: number, nextAt: number, start: number, end: number): Chain {
  for (let from = nextAt, at = start; ;) {
    const next = bytes[from] ?? 0
    const least = LEAST.get(next)
    if (least !== undefined) return at + least > end ? 'short' : { next, start: at }
    if (next === HEADER.fragment) return { next, start: at }
    if (next === HEADER.none) return 'drop'
    // Hop-by-hop options are the first of all headers, or a header that nobody knows.
    const isFirst = at === network + IPV6_HEADER
    if (next !== HEADER.routing && next !== HEADER.destination && !(next === HEADER.hopByHop && isFirst))
      return { problem: { code: CODE.nextHeader, pointer: from - network } }
    if (at + 8 > end) return 'short'
    const after = at + ((bytes[at + 1] ?? 0) + 1) * 8
    if (after > end) return 'short'
    if (next === HEADER.routing) {
      // No type is known here, 0 among them (RFC 5095, 3): such a header is passed over when it has led to its end.
      if (bytes[at + 3] !== 0) return { problem: { code: CODE.field, pointer: at + 2 - network } }
    } else {
      const wrong = options(bytes, network, at + 2, after)
      if (wrong !== undefined) return wrong === 'drop' ? wrong : { problem: wrong }
    }
    from = at
    at = after
  }
}

const PAD_1 = 0
const PAD_N = 1

/** RFC 8200, 4.2: the two highest bits of an option's type say what whoever does not know it has to do. */
function options(bytes: Uint8Array, network: number, from: number, to: number): Problem | 'drop' | undefined {
  for (let at = from; at < to;) {
    const type = bytes[at] ?? 0
    if (type === PAD_1) {
      at++
      continue
    }
    const after = at + 2 + (bytes[at + 1] ?? 0)
    if (at + 2 > to || after > to) return 'drop'
    const unknown = type === PAD_N ? 0 : type >> 6
    if (unknown === 1) return 'drop'
    if (unknown > 1) return { code: CODE.option, pointer: at - network, evenToGroups: unknown === 2 }
    at = after
  }
  return undefined
}
