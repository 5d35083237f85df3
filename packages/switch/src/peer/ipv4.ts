import { internetChecksum } from '../checksum.ts'
import { ETHERNET_HEADER, readU16 } from '../frame.ts'
import { IPV4_HEADER } from './packets.ts'
import type { Parsed, Problem, Received } from './parsed.ts'

/** Options of one byte, and the two by which a sender chooses the way: RFC 7126, 4.3 and 4.4, says to drop those. */
const OPTION = { end: 0, nop: 1, looseRoute: 131, strictRoute: 137 } as const

/** The IPv4 packet of a frame, its header checked, or undefined when it is to be dropped. */
export function parseV4(bytes: Uint8Array, trusted: boolean): Parsed | undefined {
  const at = ETHERNET_HEADER
  if (bytes.length < at + IPV4_HEADER) return undefined
  const first = bytes[at] ?? 0
  const header = (first & 15) * 4
  const length = readU16(bytes, at + 2)
  if (first >> 4 !== 4 || header < IPV4_HEADER || length < header || at + length > bytes.length) return undefined
  if (!trusted && internetChecksum(bytes, at, at + header) !== 0) return undefined
  const problem = options(bytes, at, at + header)
  if (problem === 'drop') return undefined
  const flags = readU16(bytes, at + 6)
  const offset = (flags & 0x1fff) * 8
  const more = (flags & 0x2000) !== 0
  const fragmented = offset > 0 || more
  const received: Received = {
    source: bytes.subarray(at + 12, at + 16),
    destination: bytes.subarray(at + 16, at + 20),
    protocol: bytes[at + 9] ?? 0,
    bytes,
    network: at,
    start: at + header,
    end: at + length,
    hops: bytes[at + 8] ?? 0,
    trusted,
    toGroup: ((bytes[0] ?? 0) & 1) === 1,
    fragmented,
  }
  // RFC 1122, 3.2.2: a later fragment is never answered.
  if (problem !== undefined) return offset === 0 ? { received, problem } : undefined
  return fragmented ? { received, fragment: { id: readU16(bytes, at + 4), offset, more } } : { received }
}

/** Looks at the options of a header that begins at `network` and ends at `end`. */
function options(bytes: Uint8Array, network: number, end: number): Problem | 'drop' | undefined {
  for (let at = network + IPV4_HEADER; at < end;) {
    const kind = bytes[at]
    if (kind === OPTION.end) return undefined
    if (kind === OPTION.nop) {
      at++
      continue
    }
    if (kind === OPTION.looseRoute || kind === OPTION.strictRoute) return 'drop'
    const length = at + 1 < end ? (bytes[at + 1] ?? 0) : 0
    if (length < 2 || at + length > end) return { code: 0, pointer: at - network }
    at += length
  }
  return undefined
}
