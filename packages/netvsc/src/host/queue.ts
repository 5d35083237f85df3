import type { Channel, TransferRange } from '@vmbus/core'
import {
  BODY,
  ChannelType,
  MESSAGE_BYTES,
  MOST_RANGES,
  MOST_RANGES_NDIS5,
  NO_SECTION,
  NvspType,
  NvspVersion,
  SHORT_MESSAGE_BYTES,
  messageHeader,
  sendRndisPacket,
  sendRndisPacketComplete,
} from '../protocol/nvsp.ts'
import type { Sections } from './sections.ts'
import type { HostContext, QueueState } from './state.ts'
import { traceRanges } from './tracing.ts'

/** Room asked for when a completion does not fit: descriptor, the longest message and trailer. */
const MESSAGE_ROOM = 16 + MESSAGE_BYTES + 8
/** Descriptor, set id and count, message and trailer of a transfer page packet; each range is 8 more. */
const TRANSFER_ROOM = 24 + MESSAGE_BYTES + 8
/** State changes that wait for a guest that reads nothing; newer ones are then of no use to it. */
const MOST_MESSAGES = 64
const NONE = new Uint8Array(0)

/** Where one adapter's messages are written: a ring copies them before the sender returns. */
export interface Scratch {
  readonly view: DataView
  readonly short: Uint8Array
  readonly long: Uint8Array
  readonly ranges: TransferRange[]
  flushing: boolean
}

export function createScratch(): Scratch {
  const buffer = new ArrayBuffer(MESSAGE_BYTES)
  return {
    view: new DataView(buffer),
    short: new Uint8Array(buffer, 0, SHORT_MESSAGE_BYTES),
    long: new Uint8Array(buffer),
    ranges: [],
    flushing: false,
  }
}

export function queueOf(ctx: HostContext, index: number): QueueState {
  return (ctx.connection.queues[index] ??= { completion: null, messages: [], filled: [] })
}

/** A message of `type` to fill in; zeros otherwise. */
export function begin({ scratch }: HostContext, type: number): DataView {
  const { view } = scratch
  for (let at = 0; at < MESSAGE_BYTES; at += 8) view.setFloat64(at, 0)
  messageHeader.write.msg_type(view, 0, type)
  return view
}

/** The message begun, as long as every message of this version is: padded with zeros (wire/04 §1). */
const begun = ({ scratch, connection }: HostContext): Uint8Array =>
  connection.version >= NvspVersion.v6_1 ? scratch.long : scratch.short

/** Completes a request with the message begun, or with nothing. Called once for each packet; what does not fit waits. */
export function complete(ctx: HostContext, channel: Channel, low: number, high: number, empty = false): void {
  const payload = empty ? NONE : begun(ctx)
  if (channel.sendCompletion(payload, low, high) || !channel.isOpen) return
  queueOf(ctx, channel.subchannelIndex).completion = { payload: payload.slice(), low, high }
  channel.wantWritable(MESSAGE_ROOM)
}

export function completeRndis(ctx: HostContext, channel: Channel, low: number, high: number, status: number): void {
  sendRndisPacketComplete.write.status(begin(ctx, NvspType.sendRndisPacketComplete), BODY, status)
  complete(ctx, channel, low, high)
}

/** Sends a message of the host's own on the primary channel: the one begun, or the longer `bytes`. */
export function sendMessage(
  ctx: HostContext,
  low: number,
  high: number,
  wantCompletion: boolean,
  bytes?: Uint8Array,
): void {
  const [channel] = ctx.channels
  if (channel === undefined) return
  const payload = bytes ?? begun(ctx)
  const { messages } = queueOf(ctx, 0)
  if (messages.length === 0 && channel.sendInBand(payload, low, high, wantCompletion)) return
  if (!channel.isOpen || messages.length >= MOST_MESSAGES) return
  messages.push({ payload: payload.slice(), low, high, wantCompletion })
  channel.wantWritable(MESSAGE_ROOM + payload.length)
}

/** Tries again what found the ring full. True when nothing waits any more. */
export function drain(ctx: HostContext, channel: Channel): boolean {
  const queue = queueOf(ctx, channel.subchannelIndex)
  if (queue.completion !== null) {
    const { payload, low, high } = queue.completion
    if (!channel.sendCompletion(payload, low, high)) return waitFor(channel, MESSAGE_ROOM)
    queue.completion = null
  }
  for (let message = queue.messages[0]; message !== undefined; message = queue.messages[0]) {
    const { payload, low, high, wantCompletion } = message
    if (!channel.sendInBand(payload, low, high, wantCompletion)) return waitFor(channel, MESSAGE_ROOM + payload.length)
    queue.messages.shift()
  }
  return flush(ctx, channel)
}

function waitFor(channel: Channel, bytes: number): false {
  channel.wantWritable(bytes)
  return false
}

/** Forgets the frames that wait for room in the rings; answers stay. */
export function dropFrames({ connection, sections }: HostContext): void {
  if (sections === undefined) return
  const isAnswer = ([section]: QueueState['filled'][number]): boolean => section < sections.control
  for (const queue of connection.queues) {
    if (!queue) continue
    for (const frame of queue.filled) if (!isAnswer(frame)) sections.drop(frame[0])
    queue.filled = queue.filled.filter(isAnswer)
  }
}

/** Sends filled sections, as many in a packet as guests take; the fragments of a frame stay in one packet. */
export function flush(ctx: HostContext, channel: Channel): boolean {
  const { sections, scratch } = ctx
  const { filled } = queueOf(ctx, channel.subchannelIndex)
  // A guest that runs while it is signalled may cause more frames: the loop that is under way takes them.
  if (filled.length === 0 || scratch.flushing) return true
  if (sections === undefined) {
    filled.length = 0
    return true
  }
  scratch.flushing = true
  try {
    for (let done = 0; ;) {
      const count = packetCount(ctx, sections, filled, done)
      if (count === 0) {
        filled.length = 0
        return true
      }
      if (!sendPacket(ctx, channel, sections, filled, done, count)) {
        filled.splice(0, done)
        return channel.isOpen && waitFor(channel, TRANSFER_ROOM + count * 8)
      }
      done += count
    }
  } finally {
    scratch.flushing = false
  }
}

function sendPacket(
  ctx: HostContext,
  channel: Channel,
  sections: Sections,
  filled: QueueState['filled'],
  start: number,
  count: number,
): boolean {
  const { ranges } = ctx.scratch
  ranges.length = 0
  const first = filled[start]?.[0] ?? 0
  for (let i = start; i < start + count; i++) {
    const part = filled[i]
    if (part !== undefined) ranges.push(sections.range(part[0], part[1]))
  }
  const view = begin(ctx, NvspType.sendRndisPacket)
  sendRndisPacket.write.channel_type(view, BODY, first < sections.control ? ChannelType.control : ChannelType.data)
  sendRndisPacket.write.send_buf_section_index(view, BODY, NO_SECTION)
  // The first section names the packet: it is in one packet at a time, whatever the channel. Id 0 would mean "no id".
  if (!channel.sendTransferPages(ctx.connection.receiveBuffer?.id ?? 0, ranges, begun(ctx), first + 1, 0)) return false
  sections.send(channel.subchannelIndex, ranges)
  if (ctx.deps.trace !== undefined) traceRanges(ctx, channel, ranges)
  return true
}

/** How many of `filled` from `start` make a packet: whole frames, as many as the guest takes; a control message goes alone. */
function packetCount(ctx: HostContext, sections: Sections, filled: QueueState['filled'], start: number): number {
  const most = (ctx.connection.ndis?.major ?? 6) >= 6 ? MOST_RANGES : MOST_RANGES_NDIS5
  let whole = 0
  for (let i = start; i < filled.length && i - start < most; i++) {
    const [section, , more] = filled[i] ?? [0, 0, false]
    if (section < sections.control) return whole === 0 ? 1 : whole
    if (!more) whole = i - start + 1
  }
  return whole
}
