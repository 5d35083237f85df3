import { finishChecksum } from '../../checksum.ts'
import { readU16, readU32, writeU16, writeU32 } from '../../frame.ts'
import { PROTOCOL } from '../../packet.ts'
import type { IpBytes } from '../address.ts'
import { newOutgoing, transportSum, type Outgoing } from '../packets.ts'
import type { Received } from '../parsed.ts'

export const FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const
export const TCP_HEADER = 20
/** MSS (4 bytes), a no-op and the window scale (3 bytes), sent with SYN. */
const SYN_OPTIONS = 8
const OPTION = { end: 0, nop: 1, mss: 2, windowScale: 3 } as const

/** A parsed segment. `payload` is valid during the call. */
export interface Segment {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly sequence: number
  readonly acknowledgment: number
  readonly flags: number
  /** Not yet scaled. */
  readonly window: number
  readonly payload: Uint8Array
  /** From a SYN's options; undefined when absent. */
  readonly mss: number | undefined
  readonly windowScale: number | undefined
}

/** The segment in a message whose checksum has been verified, or undefined when its header is malformed. */
export function parseSegment({ bytes, start, end }: Received): Segment | undefined {
  if (end - start < TCP_HEADER) return undefined
  const header = ((bytes[start + 12] ?? 0) >> 4) * 4
  if (header < TCP_HEADER || start + header > end) return undefined
  const flags = bytes[start + 13] ?? 0
  const options = flags & FLAG.syn ? synOptions(bytes, start + TCP_HEADER, start + header) : NO_OPTIONS
  return {
    sourcePort: readU16(bytes, start),
    destinationPort: readU16(bytes, start + 2),
    sequence: readU32(bytes, start + 4),
    acknowledgment: readU32(bytes, start + 8),
    flags,
    window: readU16(bytes, start + 14),
    payload: bytes.subarray(start + header, end),
    ...options,
  }
}

const NO_OPTIONS = { mss: undefined, windowScale: undefined }

function synOptions(bytes: Uint8Array, from: number, to: number): Pick<Segment, 'mss' | 'windowScale'> {
  let mss: number | undefined
  let windowScale: number | undefined
  for (let at = from; at < to;) {
    const kind = bytes[at]
    if (kind === OPTION.end) break
    if (kind === OPTION.nop) {
      at++
      continue
    }
    const length = bytes[at + 1] ?? 0
    if (length < 2 || at + length > to) break // malformed: the rest says nothing
    if (kind === OPTION.mss && length === 4) mss = readU16(bytes, at + 2)
    if (kind === OPTION.windowScale && length === 3) windowScale = Math.min(bytes[at + 2] ?? 0, 14) // RFC 7323, 2.3
    at += length
  }
  return { mss, windowScale }
}

export interface SegmentHeader {
  readonly source: IpBytes
  readonly destination: IpBytes
  readonly sourcePort: number
  readonly destinationPort: number
  readonly sequence: number
  readonly acknowledgment: number
  readonly flags: number
  readonly window: number
  /** Sent with SYN only; -1 leaves an option out. */
  readonly mss: number
  readonly windowScale: number
}

/** A frame with the segment in it, its payload put there by `fill`, its checksum done. */
export function buildSegment(
  header: SegmentHeader,
  length: number,
  fill?: (target: Uint8Array, at: number) => void,
): Outgoing {
  const options = header.flags & FLAG.syn ? SYN_OPTIONS : 0
  const outgoing = newOutgoing(header.source.length, TCP_HEADER + options + length)
  const { bytes, start } = outgoing
  writeU16(bytes, start, header.sourcePort)
  writeU16(bytes, start + 2, header.destinationPort)
  writeU32(bytes, start + 4, header.sequence)
  writeU32(bytes, start + 8, header.acknowledgment)
  bytes[start + 12] = ((TCP_HEADER + options) / 4) << 4
  bytes[start + 13] = header.flags
  writeU16(bytes, start + 14, header.window)
  if (options > 0) {
    bytes.set([OPTION.mss, 4, header.mss >> 8, header.mss & 255], start + TCP_HEADER)
    const scale =
      header.windowScale < 0
        ? [OPTION.nop, OPTION.nop, OPTION.nop, OPTION.nop]
        : [OPTION.nop, OPTION.windowScale, 3, header.windowScale]
    bytes.set(scale, start + TCP_HEADER + 4)
  }
  fill?.(bytes, start + TCP_HEADER + options)
  writeU16(
    bytes,
    start + 16,
    finishChecksum(transportSum(header.source, header.destination, PROTOCOL.tcp, bytes, start, bytes.length)),
  )
  return outgoing
}
