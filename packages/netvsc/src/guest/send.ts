import { copyToRanges } from '@vmbus/core'
import { locate, PROTOCOL, type Frame } from '@vmbus/switch'
import { ChannelType, NO_SECTION, SEND_TABLE_SIZE } from '../protocol/nvsp.ts'
import { writePacketHeader } from '../protocol/packet-body.ts'
import { PpiType, TxChecksum, checksumWord, lsoWord, vlanWord, writePpi } from '../protocol/ppi.ts'
import { PACKET_HEADER } from '../protocol/rndis.ts'
import { DEFAULT_RSS_KEY, hashFrame } from '../protocol/toeplitz.ts'
import { HashType } from '../protocol/ndis.ts'
import { ROOM, flushBatch } from './outgoing.ts'
import { PAGE } from './memory.ts'
import { headerOf, rangesOf, rndisMessage, sectionsOf } from './send-buffers.ts'
import { packetRecord, release } from './sent-packets.ts'
import type { Batch, GuestQueue, SendState, Sender } from './types.ts'

const HASHED = HashType.ipv4 | HashType.tcpIpv4 | HashType.ipv6 | HashType.tcpIpv6

export interface SendOptions {
  /** More frames follow at once: this one may wait for them. `flush` ends the wait. */
  readonly more?: boolean
  /** Channel; by default the one of the frame's hash in the host's table. */
  readonly queue?: number
}

/** False when there is no room: nothing was taken, and `onWritable` says when to try again. */
export function sendFrame(ctx: Sender, frame: Frame, options: SendOptions): boolean {
  const { state } = ctx
  if (state.phase !== 'ready' || state.filter === 0) return false
  const index = chooseQueue(ctx, frame, options.queue)
  const queue = state.queues[index]
  if (!queue) return false
  if (queue.outgoing.length > 0 || queue.pendingCompletions.length > 0) return refuse(queue)
  const headerLength = writeHeader(ctx, frame)
  const length = headerLength + frame.bytes.length
  // As Linux netvsc_send: what does not fit a section with its padding goes from pages.
  const small = length + state.alignment < state.sectionSize
  const { batch } = queue
  if (batch.section >= 0 && !(small && fits(state, batch, length))) {
    if (!flushBatch(ctx, index)) return refuse(queue)
    // The host may have run meanwhile, and the owner sent from within: everything is looked at anew.
    return sendFrame(ctx, frame, options)
  }
  // Without a free section a small frame goes from pages, too (Linux netvsc_send: NETVSC_INVALID_INDEX is no error).
  if (!small || (batch.section < 0 && state.sections.length === 0))
    return sendPages(ctx, index, queue, frame.bytes, headerLength)
  append(ctx, batch, frame.bytes, headerLength)
  count(ctx, queue, frame.bytes.length, 1)
  if (options.more !== true) flushBatch(ctx, index)
  return true
}

function refuse(queue: GuestQueue): false {
  queue.blocked = true
  return false
}

function count({ state }: Sender, queue: GuestQueue, bytes: number, frames: number): void {
  const { statistics } = state
  statistics.framesSent += frames
  statistics.bytesSent += frames * bytes
  queue.framesSent += frames
  queue.bytesSent += frames * bytes
}

function chooseQueue({ state, sending }: Sender, frame: Frame, wanted: number | undefined): number {
  if (state.subchannels === 0) return 0
  hashFrame(DEFAULT_RSS_KEY, HASHED, frame.bytes, sending.hash)
  if (wanted !== undefined) return wanted
  const queue = state.sendTable[sending.hash.value % SEND_TABLE_SIZE] ?? 0
  return state.queues[queue]?.open ? queue : 0
}

/** RNDIS header and infos; returns their length. */
function writeHeader({ state, sending }: Sender, { bytes, vlan, offload }: Frame): number {
  const { header: view, hash } = sending
  let at = PACKET_HEADER
  if (state.subchannels > 0) at = writePpi(view, at, PpiType.hashValue, hash.value)
  if (vlan !== undefined) at = writePpi(view, at, PpiType.vlan, vlanWord(vlan))
  const found = offload === undefined ? undefined : locate(bytes)
  if (offload !== undefined && found !== undefined) {
    const v6 = found.version === 6
    if (offload.segment !== undefined)
      at = writePpi(view, at, PpiType.lso, lsoWord(offload.segment, found.transport, v6))
    else {
      const transport = offload.transportChecksum
        ? found.protocol === PROTOCOL.udp
          ? TxChecksum.udp
          : TxChecksum.tcp
        : 0
      const flags =
        (v6 ? TxChecksum.ipv6 : TxChecksum.ipv4) | transport | (offload.ipv4Checksum ? TxChecksum.ipHeader : 0)
      at = writePpi(view, at, PpiType.checksum, checksumWord(flags, found.transport))
    }
  }
  writePacketHeader(view, at, at, bytes.length)
  return at
}

const align = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment

/** One more message of `length` bytes has room in the section that is being filled. */
const fits = ({ mostPackets, alignment, sectionSize }: SendState, batch: Batch, length: number): boolean =>
  batch.frames < mostPackets && align(batch.used, alignment) + length <= sectionSize

/** Into the section that is being filled, or a new one: there is room. */
function append(ctx: Sender, batch: Batch, bytes: Uint8Array, headerLength: number): void {
  const { state, sending } = ctx
  if (batch.section < 0) {
    batch.section = state.sections.pop() ?? -1
    batch.used = batch.frames = 0
  }
  const start = align(batch.used, state.alignment)
  if (start > batch.used) {
    // The padding belongs to the message before it.
    sending.wordView.setUint32(0, start - batch.lastAt, true)
    writeSection(ctx, batch.section, batch.lastAt + 4, sending.word)
  }
  writeSection(ctx, batch.section, start, headerOf(sending, headerLength))
  writeSection(ctx, batch.section, start + headerLength, bytes)
  batch.lastAt = start
  batch.used = start + headerLength + bytes.length
  batch.frames++
}

function writeSection(ctx: Sender, section: number, at: number, bytes: Uint8Array): void {
  copyToRanges(ctx.deps.memory, sectionsOf(ctx), section * ctx.state.sectionSize + at, bytes)
}

/** A frame that no section takes goes from pages of its own. */
function sendPages(ctx: Sender, index: number, queue: GuestQueue, bytes: Uint8Array, headerLength: number): boolean {
  const { state, deps, sending } = ctx
  const channel = ctx.channels[index]?.channel
  const length = headerLength + bytes.length
  const left = state.pages.length - Math.ceil(length / PAGE)
  if (channel === undefined || left < 0) return refuse(queue)
  const sent = packetRecord(ctx, 'pages', index)
  for (let at = left; at < state.pages.length; at++) sent.pfns.push(state.pages[at] ?? 0)
  while (state.pages.length > left) state.pages.pop()
  const ranges = rangesOf(sending, sent.pfns, length, ctx.options.pageRanges === true)
  copyToRanges(deps.memory, ranges, 0, headerOf(sending, headerLength))
  copyToRanges(deps.memory, ranges, headerLength, bytes)
  count(ctx, queue, bytes.length, 1)
  const id = ctx.sent.begin(sent)
  if (channel.sendGpaDirect(ranges, rndisMessage(sending, ChannelType.data, NO_SECTION, 0), id, 0)) return true
  count(ctx, queue, bytes.length, -1)
  ctx.sent.undo(id)
  release(ctx, sent)
  channel.wantWritable(ROOM)
  return refuse(queue)
}
