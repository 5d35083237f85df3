import { fillChecksums, segmentTcp, type Frame } from '@vmbus/switch'
import { writePacketHeader } from '../protocol/packet-body.ts'
import { PACKET_ID_TYPE, PacketIdFlag, PpiType, packetIdWord, vlanWord, writePpi } from '../protocol/ppi.ts'
import { hashFrame } from '../protocol/toeplitz.ts'
import { PACKET_HEADER } from '../protocol/rndis.ts'
import { DataPath, SEND_TABLE_SIZE } from '../protocol/nvsp.ts'
import { checkReceived } from './checksum.ts'
import { accepts } from './filter.ts'
import { ETHERNET_BYTES } from './options.ts'
import { flush, queueOf } from './queue.ts'
import { diagnose, isServed } from './state.ts'
import type { FrameHeader, FrameSender } from './types.ts'

/** Bytes before the frame in a sub-allocation: RNDIS header, packet body and per-packet infos (OpenVMM netvsp: 256). */
export const FRAME_AT = 256
/** Linux gives up beyond this many pieces of one send. */
const MOST_SEGMENTS = 2048
/** Fragments of a coalesced packet: 64 KiB in the smallest MTU, within the ranges of a packet. */
const MOST_FRAGMENTS = 256

export function createFrameHeader(): FrameHeader {
  const bytes = new Uint8Array(FRAME_AT)
  return { bytes, view: new DataView(bytes.buffer), hash: { value: 0, type: 0 } }
}

/** A frame from the switch. */
export function deliver(ctx: FrameSender, frame: Frame): void {
  const { connection } = ctx
  if (ctx.rescinded || ctx.removeAt !== Infinity) return
  if (connection.dataPath === DataPath.vf) {
    ctx.vfReceive?.(frame)
    return
  }
  if (!connection.initialized || ctx.sections === undefined || !isServed(ctx)) return
  if (!accepts(connection, frame.bytes)) {
    ctx.statistics.filtered++
    return
  }
  const segment = frame.offload?.segment
  if (segment === undefined) deliverFrame(ctx, frame.bytes, frame)
  else deliverLarge(ctx, frame, segment)
}

/** A large TCP segment: coalesced as it is for a guest that takes that, else in pieces. */
function deliverLarge(ctx: FrameSender, frame: Frame, segment: number): void {
  const { offload, frameBytes } = ctx.connection
  const v6 = frame.bytes[12] === 0x86 && frame.bytes[13] === 0xdd
  if (v6 ? offload.rscV6 : offload.rscV4) {
    const whole = fillChecksums(frame.bytes, { segment })
    if (whole !== undefined && Math.ceil(whole.length / frameBytes) <= MOST_FRAGMENTS) {
      deliverCoalesced(ctx, whole, frame)
      return
    }
  }
  const pieces = segmentTcp(frame.bytes, segment, frameBytes - ETHERNET_BYTES, MOST_SEGMENTS)
  if (pieces === undefined) ctx.statistics.receiveErrors++
  else for (const bytes of pieces) deliverFrame(ctx, bytes, frame)
}

function deliverFrame(ctx: FrameSender, bytes: Uint8Array, frame: Frame): void {
  const { connection, statistics, sections } = ctx
  if (bytes.length > connection.frameBytes) {
    statistics.receiveErrors++
    return
  }
  const queue = chooseQueue(ctx, bytes)
  const section = sections?.take(false) ?? -1
  if (section < 0) {
    statistics.noBuffer++
    return
  }
  const infoEnd = writeInfos(ctx, bytes, frame)
  fillSection(ctx, queue, section, bytes, infoEnd, 0)
  count(ctx, bytes.length)
  sendSoon(ctx, queue)
}

function deliverCoalesced(ctx: FrameSender, bytes: Uint8Array, frame: Frame): void {
  const { connection, statistics, sections } = ctx
  const fragments = Math.ceil(bytes.length / connection.frameBytes)
  if (sections === undefined || sections.free < fragments) {
    statistics.noBuffer++
    return
  }
  const queue = chooseQueue(ctx, bytes)
  const id = (connection.fragmentId = (connection.fragmentId + 1) & 0xffff)
  for (let index = 0; index < fragments; index++) {
    const last = index === fragments - 1
    const flags = PacketIdFlag.subAllocation | (index === 0 ? PacketIdFlag.first : 0) | (last ? PacketIdFlag.last : 0)
    // Only the first fragment's other infos count.
    const infos = index === 0 ? writeInfos(ctx, bytes, frame) : PACKET_HEADER
    const infoEnd = writePpi(ctx.frameHeader.view, infos, PACKET_ID_TYPE, packetIdWord(flags, id))
    const from = index * connection.frameBytes
    const part = bytes.subarray(from, from + connection.frameBytes)
    fillSection(ctx, queue, sections.take(false), part, infoEnd, last ? 0 : 1)
  }
  count(ctx, bytes.length)
  sendSoon(ctx, queue)
}

function count({ statistics }: FrameSender, bytes: number): void {
  statistics.framesReceived++
  statistics.bytesReceived += bytes
}

/**
 * Checksum first and always, then the tag, as OpenVMM does; the hash last. Linux 6.1 complains of each packet that has an
 * offset of infos and none. Returns where the infos end in the header.
 */
function writeInfos(ctx: FrameSender, bytes: Uint8Array, { vlan }: Frame): number {
  const { offload, rss } = ctx.connection
  const { view, hash } = ctx.frameHeader
  let at = PACKET_HEADER
  at = writePpi(view, at, PpiType.checksum, checkReceived(offload.receive, bytes))
  if (vlan !== undefined) at = writePpi(view, at, PpiType.vlan, vlanWord(vlan))
  if (rss.enabled && hash.type !== 0) {
    at = writePpi(view, at, PpiType.hashValue, hash.value)
    at = writePpi(view, at, PpiType.hashInfo, hash.type | (rss.hashInfo & 0xff))
  }
  return at
}

/** By the guest's table; what is not hashed, or whose channel is not open, goes to the primary. */
function chooseQueue(ctx: FrameSender, bytes: Uint8Array): number {
  const { rss } = ctx.connection
  const { hash } = ctx.frameHeader
  hash.type = 0
  if (!rss.enabled) return 0
  hashFrame(rss.key, rss.hashInfo, bytes, hash)
  if (hash.type === 0 || rss.table.length === 0) return 0
  const queue = rss.table[hash.value % rss.table.length] ?? 0
  return ctx.channels[queue]?.isOpen === true ? queue : 0
}

/** Writes header and frame bytes into a section and queues it; `more` is 1 if more of the same frame follows. */
function fillSection(
  ctx: FrameSender,
  queue: number,
  section: number,
  bytes: Uint8Array,
  infoEnd: number,
  more: number,
): void {
  const { sections, receiveGrant } = ctx
  const { bytes: header, view } = ctx.frameHeader
  if (sections === undefined || receiveGrant === undefined) return
  writePacketHeader(view, infoEnd, FRAME_AT, bytes.length)
  header.fill(0, infoEnd)
  const offset = section * sections.size
  if (receiveGrant.write(offset, header) && receiveGrant.write(offset + FRAME_AT, bytes)) {
    queueOf(ctx, queue).filled.push(section, FRAME_AT + bytes.length, more)
    return
  }
  // The grant covers every section: its pages are outside of RAM.
  diagnose(ctx, 'VMBUS_NETVSC_RECEIVE_BUFFER', 'the receive buffer is not all in guest memory', { section })
  ctx.statistics.receiveErrors++
  sections.drop(section)
}

function sendSoon(ctx: FrameSender, queue: number): void {
  const channel = ctx.channels[queue]
  if (channel === undefined || ctx.batching > 0) return
  const { completion, messages } = queueOf(ctx, queue)
  if (completion === null && messages.length === 0) flush(ctx, channel)
}

/** The send table of the guest: every channel in turn. */
export const sendTable = (channels: number): number[] =>
  Array.from({ length: SEND_TABLE_SIZE }, (_, index) => index % channels)
