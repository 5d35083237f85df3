import { ETHERNET_HEADER, PROTOCOL, fillChecksums, locate } from '@vmbus/switch'
import { RxChecksum } from '../protocol/ppi.ts'
import type { Polled } from './context.ts'

const TCP_HEADER = 20
const FLAG = { syn: 0x02, push: 0x08, ack: 0x10 } as const
/** Two NOPs, then kind and length of the one option that is looked into (RFC 7323, appendix A). */
const TIMESTAMPS = 0x0101_080a
const TIMESTAMPS_LENGTH = 12

/** A TCP segment that comes without IP options, extension headers and fragments. */
export interface TcpSegment {
  readonly frame: Polled
  /** Addresses, ports and VLAN. */
  readonly flow: string
  /** The IP packet as its length field counts it: IPv6 leaves its own header out. */
  readonly length: number
  readonly version: 4 | 6
  readonly transport: number
  /** Where the payload begins and ends. */
  readonly payload: number
  readonly end: number
  readonly sequence: number
  readonly acknowledged: number
  readonly window: number
  readonly isSyn: boolean
  /** No flag beside ACK and PUSH, no option but timestamps. */
  readonly isPlain: boolean
  readonly timestamps: { readonly value: number; readonly echo: number } | undefined
}

const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView => new DataView(buffer, byteOffset, length)

/** Undefined for any other frame. */
export function tcpSegment(frame: Polled): TcpSegment | undefined {
  const { bytes, vlan } = frame
  const at = locate(bytes)
  if (at?.protocol !== PROTOCOL.tcp || at.network !== ETHERNET_HEADER) return undefined
  const ipHeader = at.version === 4 ? 20 : 40
  if (at.transport !== at.network + ipHeader || at.transport + TCP_HEADER > at.end) return undefined
  const view = viewOf(bytes)
  const options = (view.getUint8(at.transport + 12) >> 4) * 4 - TCP_HEADER
  const payload = at.transport + TCP_HEADER + options
  if (options < 0 || payload > at.end) return undefined
  const flags = view.getUint8(at.transport + 13)
  const stamped = options === TIMESTAMPS_LENGTH && view.getUint32(at.transport + TCP_HEADER) === TIMESTAMPS
  const ends = bytes.subarray(at.addresses, at.addressesEnd)
  return {
    frame,
    flow: `${ends.join('.')} ${view.getUint32(at.transport)} ${vlan?.id ?? ''}`,
    length: at.end - (at.version === 4 ? at.network : at.transport),
    version: at.version,
    transport: at.transport,
    payload,
    end: at.end,
    sequence: view.getUint32(at.transport + 4),
    acknowledged: view.getUint32(at.transport + 8),
    window: view.getUint16(at.transport + 14),
    isSyn: (flags & FLAG.syn) !== 0,
    isPlain: (flags & ~(FLAG.ack | FLAG.push)) === 0 && (options === 0 || stamped),
    timestamps: stamped
      ? { value: view.getUint32(at.transport + 24), echo: view.getUint32(at.transport + 28) }
      : undefined,
  }
}

/** One frame of segments that follow each other: the headers of the first, with what the last says of the other direction. */
export function segmentsJoined(segments: readonly TcpSegment[], length: number): Polled {
  const [first, last] = [segments[0], segments.at(-1)]
  if (first === undefined || last === undefined || first === last) return first?.frame ?? noSegments()
  const payloads = segments.map(({ frame, payload, end }) => frame.bytes.subarray(payload, end))
  const bytes = new Uint8Array(payloads.reduce((sum, each) => sum + each.length, first.payload))
  bytes.set(first.frame.bytes.subarray(0, first.payload))
  let to = first.payload
  for (const each of payloads) {
    bytes.set(each, to)
    to += each.length
  }
  const view = viewOf(bytes)
  view.setUint16(ETHERNET_HEADER + (first.version === 4 ? 2 : 4), length)
  view.setUint32(first.transport + 8, last.acknowledged)
  view.setUint16(first.transport + 14, last.window)
  if (first.timestamps !== undefined && last.timestamps !== undefined) {
    view.setUint32(first.transport + 24, last.timestamps.value)
    view.setUint32(first.transport + 28, last.timestamps.echo)
  }
  const filled = fillChecksums(bytes, { transportChecksum: true, ipv4Checksum: first.version === 4 })
  return {
    ...first.frame,
    bytes: filled ?? bytes,
    checksum: RxChecksum.tcpSucceeded | RxChecksum.ipSucceeded,
  }
}

function noSegments(): never {
  throw new RangeError('no segments to join')
}
