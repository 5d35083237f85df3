import { copyToRanges, type Channel, type PageRange } from '@vmbus/core'
import { locate, PROTOCOL, type Frame } from '@vmbus/switch'
import {
  BODY,
  ChannelType,
  MESSAGE_BYTES,
  NO_SECTION,
  NvspType,
  SEND_TABLE_SIZE,
  messageHeader,
  sendRndisPacket,
} from '../protocol/nvsp.ts'
import { PpiType, TxChecksum, checksumWord, lsoWord, vlanWord, writePpi } from '../protocol/ppi.ts'
import { PACKET_HEADER, RNDIS_HEADER, RndisType, packet } from '../protocol/rndis.ts'
import { DEFAULT_RSS_KEY, hashFrame, type FrameHash } from '../protocol/toeplitz.ts'
import { HashType } from '../protocol/ndis.ts'
import { freeSlot, rangeOf, takeSlot, type GuestContext, type GuestQueue, type Outgoing } from './state.ts'

const PAGE = 4096
/** The id of what nobody answers (Linux include/linux/hyperv.h, VMBUS_RQST_ID_NO_RESPONSE). */
const NO_RESPONSE_LOW = 0xffff_fffd
const NO_RESPONSE_HIGH = 0xffff_ffff
/** Room asked for when the ring is full: a GPA-direct packet of a 64 KiB frame. */
const ROOM = 16 + 8 + 16 + 18 * 8 + MESSAGE_BYTES + 8
/** RNDIS header, packet body and three infos. */
const MOST_HEADER = PACKET_HEADER + 3 * 16

const header = new Uint8Array(MOST_HEADER)
const headerView = new DataView(header.buffer)
const message = new Uint8Array(MESSAGE_BYTES)
const messageView = new DataView(message.buffer)
const hash: FrameHash = { value: 0, type: 0 }
const HASHED = HashType.ipv4 | HashType.tcpIpv4 | HashType.ipv6 | HashType.tcpIpv6

/** The message that carries RNDIS bytes: always 40 bytes, as Linux sends. */
export function rndisMessage(type: number, section: number, size: number): Uint8Array {
  messageHeader.write.msg_type(messageView, 0, NvspType.sendRndisPacket)
  sendRndisPacket.write.channel_type(messageView, BODY, type)
  sendRndisPacket.write.send_buf_section_index(messageView, BODY, section)
  sendRndisPacket.write.send_buf_section_size(messageView, BODY, size)
  return message
}

/** Sends or keeps for later: a packet is never lost while the channel is open. */
export function post(ctx: GuestContext, queueIndex: number, outgoing: Outgoing): void {
  const queue = ctx.state.queues[queueIndex]
  const channel = ctx.channels[queueIndex]?.channel
  if (!queue || channel === undefined) return
  if (queue.outgoing.length === 0 && sendNow(channel, outgoing)) return
  queue.outgoing.push({ ...outgoing, payload: outgoing.payload.slice() })
  channel.wantWritable(ROOM)
}

/** Slot -1: no completion is asked for. */
function sendNow(channel: Channel, outgoing: Outgoing): boolean {
  const { slot, payload } = outgoing
  if (outgoing.kind === 'gpa') return channel.sendGpaDirect(outgoing.ranges, payload, slot + 1, 0)
  return slot >= 0
    ? channel.sendInBand(payload, slot + 1, 0, true)
    : channel.sendInBand(payload, NO_RESPONSE_LOW, NO_RESPONSE_HIGH, false)
}

/** Sends what waited; false while the ring is still full. */
export function drainOutgoing(ctx: GuestContext, queueIndex: number): boolean {
  const queue = ctx.state.queues[queueIndex]
  const channel = ctx.channels[queueIndex]?.channel
  if (!queue || channel === undefined) return true
  for (let next = queue.outgoing[0]; next !== undefined; next = queue.outgoing[0]) {
    if (!sendNow(channel, next)) {
      channel.wantWritable(ROOM)
      return false
    }
    queue.outgoing.shift()
  }
  return flushBatch(ctx, queueIndex)
}

export interface SendOptions {
  /** More frames follow at once: this one may wait for them. `flush` ends the wait. */
  readonly more?: boolean
  /** Channel; by default the one of the frame's hash in the host's table. */
  readonly queue?: number
}

/** False when there is no room: nothing was taken, and `onWritable` says when to try again. */
export function sendFrame(ctx: GuestContext, frame: Frame, options: SendOptions): boolean {
  const { state } = ctx
  if (state.phase !== 'ready' || state.filter === 0) return false
  const index = chooseQueue(ctx, frame, options.queue)
  const queue = state.queues[index]
  if (!queue) return false
  if (queue.outgoing.length > 0) return refuse(queue)
  const headerLength = writeHeader(ctx, frame)
  const length = headerLength + frame.bytes.length
  if (length + state.alignment > state.sectionSize)
    return flushBatch(ctx, index) && sendPages(ctx, index, queue, frame.bytes, headerLength)
  if (!append(ctx, index, queue, frame.bytes, headerLength)) return false
  count(ctx, frame)
  if (options.more !== true) flushBatch(ctx, index)
  return true
}

function refuse(queue: GuestQueue): false {
  queue.blocked = true
  return false
}

function count({ state }: GuestContext, frame: Frame): void {
  state.statistics.framesSent++
  state.statistics.bytesSent += frame.bytes.length
}

function chooseQueue({ state }: GuestContext, frame: Frame, wanted: number | undefined): number {
  if (state.subchannels === 0) return 0
  hashFrame(DEFAULT_RSS_KEY, HASHED, frame.bytes, hash)
  if (wanted !== undefined) return wanted
  const queue = state.sendTable[hash.value % SEND_TABLE_SIZE] ?? 0
  return state.queues[queue]?.open ? queue : 0
}

/** RNDIS header and infos into `header`; returns its length. */
function writeHeader({ state }: GuestContext, { bytes, vlan, offload }: Frame): number {
  let at = PACKET_HEADER
  if (state.subchannels > 0) at = writePpi(headerView, at, PpiType.hashValue, hash.value)
  if (vlan !== undefined) at = writePpi(headerView, at, PpiType.vlan, vlanWord(vlan))
  const found = offload === undefined ? undefined : locate(bytes)
  if (offload !== undefined && found !== undefined) {
    const v6 = found.version === 6
    if (offload.segment !== undefined)
      at = writePpi(headerView, at, PpiType.lso, lsoWord(offload.segment, found.transport, v6))
    else {
      const transport = offload.transportChecksum
        ? found.protocol === PROTOCOL.udp
          ? TxChecksum.udp
          : TxChecksum.tcp
        : 0
      const flags =
        (v6 ? TxChecksum.ipv6 : TxChecksum.ipv4) | transport | (offload.ipv4Checksum ? TxChecksum.ipHeader : 0)
      at = writePpi(headerView, at, PpiType.checksum, checksumWord(flags, found.transport))
    }
  }
  headerView.setUint32(0, RndisType.packet, true)
  headerView.setUint32(4, at + bytes.length, true)
  packet.write.data_offset(headerView, RNDIS_HEADER, at - RNDIS_HEADER)
  packet.write.data_len(headerView, RNDIS_HEADER, bytes.length)
  packet.write.per_pkt_info_offset(headerView, RNDIS_HEADER, PACKET_HEADER - RNDIS_HEADER)
  packet.write.per_pkt_info_len(headerView, RNDIS_HEADER, at - PACKET_HEADER)
  return at
}

/** Into the section that is being filled, or a new one. */
function append(ctx: GuestContext, index: number, queue: GuestQueue, bytes: Uint8Array, headerLength: number): boolean {
  const { state } = ctx
  const length = headerLength + bytes.length
  if (queue.batch !== null) {
    const start = align(queue.batch.used, state.alignment)
    if (queue.batch.frames >= state.mostPackets || start + length > state.sectionSize) {
      if (!flushBatch(ctx, index)) return refuse(queue)
    } else if (start > queue.batch.used) {
      // The padding belongs to the message before it.
      const padded = new Uint8Array(4)
      new DataView(padded.buffer).setUint32(0, start - queue.batch.lastAt, true)
      writeSection(ctx, queue.batch.section, queue.batch.lastAt + 4, padded)
      queue.batch.used = start
    }
  }
  if (queue.batch === null) {
    const section = state.sections.pop()
    if (section === undefined) return refuse(queue)
    queue.batch = { section, used: 0, frames: 0, lastAt: 0 }
  }
  const { batch } = queue
  writeSection(ctx, batch.section, batch.used, header.subarray(0, headerLength))
  writeSection(ctx, batch.section, batch.used + headerLength, bytes)
  batch.lastAt = batch.used
  batch.used += length
  batch.frames++
  return true
}

const align = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment

function writeSection({ deps, state }: GuestContext, section: number, at: number, bytes: Uint8Array): void {
  const pfns = state.send?.pfns ?? []
  copyToRanges(deps.memory, [rangeOf(pfns, pfns.length * PAGE)], section * state.sectionSize + at, bytes)
}

/** Sends the section that was being filled. False when the ring is full: it goes as soon as there is room. */
export function flushBatch(ctx: GuestContext, index: number): boolean {
  const queue = ctx.state.queues[index]
  const channel = ctx.channels[index]?.channel
  if (!queue?.batch) return true
  if (channel === undefined) return false
  const { section, used, frames } = queue.batch
  const slot = takeSlot(ctx, { kind: 'section', queue: index, section, frames })
  if (!channel.sendInBand(rndisMessage(ChannelType.data, section, used), slot + 1, 0, true)) {
    freeSlot(ctx, slot)
    channel.wantWritable(ROOM)
    return false
  }
  if (frames > 1) ctx.state.statistics.aggregated++
  queue.batch = null
  return true
}

/** A frame that no section can take goes from pages of its own. */
function sendPages(
  ctx: GuestContext,
  index: number,
  queue: GuestQueue,
  bytes: Uint8Array,
  headerLength: number,
): boolean {
  const { state, deps } = ctx
  const channel = ctx.channels[index]?.channel
  const length = headerLength + bytes.length
  const needed = Math.ceil(length / PAGE)
  if (channel === undefined || state.pages.length < needed) return refuse(queue)
  const pfns = state.pages.splice(state.pages.length - needed, needed)
  const ranges = ctx.options.pageRanges ? pageRanges(pfns, length) : [rangeOf(pfns, length)]
  copyToRanges(deps.memory, ranges, 0, header.subarray(0, headerLength))
  copyToRanges(deps.memory, ranges, headerLength, bytes)
  const slot = takeSlot(ctx, { kind: 'pages', queue: index, pfns, frames: 1 })
  if (!channel.sendGpaDirect(ranges, rndisMessage(ChannelType.data, NO_SECTION, 0), slot + 1, 0)) {
    freeSlot(ctx, slot)
    state.pages.push(...pfns)
    channel.wantWritable(ROOM)
    return refuse(queue)
  }
  count(ctx, { bytes })
  return true
}

function pageRanges(pfns: readonly number[], length: number): PageRange[] {
  return pfns.map((pfn, index) => ({ byteOffset: 0, byteCount: Math.min(PAGE, length - index * PAGE), pfns: [pfn] }))
}
