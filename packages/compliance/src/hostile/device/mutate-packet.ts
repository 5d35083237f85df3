import { PacketType, type Packet, type PageRange } from '@vmbus/core'
import { mutate } from '../mutate.ts'
import type { Random } from '../random.ts'

/** A packet outside of any ring: its fields can be changed one by one. */
export type PacketCopy = { -readonly [Field in keyof Packet]: Packet[Field] }

/** Longest payload of a mutated packet: it would still have fitted a ring. */
const LONGEST = 8192
/** Bytes of a packet's descriptor. */
const DESCRIPTOR = 16
const TYPES: readonly [number, ...number[]] = [
  PacketType.inBand,
  PacketType.completion,
  PacketType.gpaDirect,
  PacketType.transferPages,
]

/** A copy that outlives the next `receive`. */
export function copyPacket(packet: Packet): PacketCopy {
  const bytes = packet.bytes.slice(0, packet.payloadOffset + packet.payloadLength)
  return {
    type: packet.type,
    flags: packet.flags,
    transactionLow: packet.transactionLow,
    transactionHigh: packet.transactionHigh,
    bytes,
    view: new DataView(bytes.buffer),
    payloadOffset: packet.payloadOffset,
    payloadLength: packet.payloadLength,
    gpaRanges: packet.gpaRanges.map((range) => ({ ...range, pfns: [...range.pfns] })),
    transferSetId: packet.transferSetId,
    transferRanges: packet.transferRanges.map((range) => ({ ...range })),
  }
}

/** A packet of the attacker's own: in-band, unless it says otherwise. */
export interface Forged {
  readonly payload: Uint8Array
  readonly type?: number
  /** A completion is wanted. */
  readonly wants?: boolean
  readonly transaction?: readonly [low: number, high: number]
}

export function forgedPacket({
  payload,
  type = PacketType.inBand,
  wants = false,
  transaction: [low, high] = [0, 0],
}: Forged): PacketCopy {
  const bytes = new Uint8Array((DESCRIPTOR + payload.length + 7) & ~7)
  bytes.set(payload, DESCRIPTOR)
  return {
    type,
    flags: wants ? 1 : 0,
    transactionLow: low,
    transactionHigh: high,
    bytes,
    view: new DataView(bytes.buffer),
    payloadOffset: DESCRIPTOR,
    payloadLength: bytes.length - DESCRIPTOR,
    gpaRanges: [],
    transferSetId: 0,
    transferRanges: [],
  }
}

export interface MutationOptions {
  /** Bytes at the start of a payload in which most of its fields stand. */
  readonly span: number
  /** Pages that a mutated list may name; neither end has them. */
  readonly unowned: readonly number[]
}

/** A mutated copy: its payload in most cases, otherwise the fields or ranges before it. */
export function mutatedPacket(choose: Random, given: Packet, options: MutationOptions): PacketCopy {
  const packet = copyPacket(given)
  const kind = choose.below(20)
  if (kind === 0) packet.transactionLow = choose.chance(70) ? choose.below(300) : choose.u32()
  else if (kind === 1) packet.flags ^= 1
  else if (kind === 2) packet.type = choose.pick(TYPES)
  else if (kind <= 6 && packet.gpaRanges.length > 0)
    packet.gpaRanges = rangesOf(choose, packet.gpaRanges, options.unowned)
  else if (kind <= 6 && packet.transferRanges.length > 0) {
    if (choose.chance(10)) packet.transferSetId = choose.below(0x1_0000)
    const at = choose.below(packet.transferRanges.length)
    packet.transferRanges = packet.transferRanges.map((range, index) =>
      index === at
        ? choose.chance(50)
          ? { ...range, byteCount: size(choose) }
          : { ...range, byteOffset: size(choose) }
        : range,
    )
  } else body(choose, packet, options.span)
  return packet
}

const size = (choose: Random): number => (choose.chance(60) ? choose.below(0x2_0000) : choose.u32())

/** The ring's parser has checked lengths and counts already, so a mutation names other frames, fewer of them, or another list. */
function rangesOf(choose: Random, given: readonly PageRange[], unowned: readonly number[]): PageRange[] {
  const ranges = given.map(({ byteOffset, byteCount, pfns }) => ({ byteOffset, byteCount, pfns: [...pfns] }))
  const range = choose.any(ranges)
  if (range === undefined) return ranges
  switch (choose.below(4)) {
    case 0:
      range.pfns[choose.below(range.pfns.length)] = choose.chance(50) ? (choose.any(unowned) ?? 0) : choose.u32()
      return ranges
    case 1:
      range.byteCount = 1 + choose.below(Math.max(1, range.byteCount))
      range.pfns.length = Math.ceil((range.byteOffset + range.byteCount) / 4096)
      return ranges
    case 2:
      return [...ranges, { ...range }]
    default:
      return []
  }
}

function body(choose: Random, packet: PacketCopy, span: number): void {
  const payload = packet.bytes.subarray(packet.payloadOffset)
  const head = payload.subarray(0, choose.chance(80) ? span : payload.length)
  const changed = head.length === 0 ? head : mutate(choose, head, LONGEST)
  // A head that became shorter cuts the payload there; what a head grew by is put behind the payload.
  const tail = changed.length < head.length ? new Uint8Array(0) : payload.subarray(head.length)
  const grown = changed.length - Math.min(head.length, changed.length)
  const bytes = new Uint8Array((packet.payloadOffset + changed.length + tail.length + 7) & ~7)
  bytes.set(packet.bytes.subarray(0, packet.payloadOffset))
  bytes.set(changed.subarray(0, changed.length - grown), packet.payloadOffset)
  bytes.set(tail, packet.payloadOffset + changed.length - grown)
  packet.bytes = bytes
  packet.view = new DataView(bytes.buffer)
  packet.payloadLength = bytes.length - packet.payloadOffset
}
