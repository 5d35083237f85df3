import type { Channel } from '@vmbus/core'
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
import { traceRanges } from './tracing.ts'
import type { MessageBuffer, QueueState, Sender } from './types.ts'

/** Room asked for when a completion does not fit: descriptor, the longest message and trailer. */
const MESSAGE_ROOM = 16 + MESSAGE_BYTES + 8
/** Descriptor, set id and count, message and trailer of a transfer page packet; each range is 8 more. */
const TRANSFER_ROOM = 24 + MESSAGE_BYTES + 8
/** State changes that wait for a guest that reads nothing; newer ones are then of no use to it. */
const MOST_MESSAGES = 64
const NONE = new Uint8Array(0)
/** Numbers in `filled` for each section. */
const FILLED = 3

export function createMessageBuffer(): MessageBuffer {
  const buffer = new ArrayBuffer(MESSAGE_BYTES)
  return {
    view: new DataView(buffer),
    short: new Uint8Array(buffer, 0, SHORT_MESSAGE_BYTES),
    long: new Uint8Array(buffer),
    ranges: [],
    taken: [],
  }
}

export function queueOf(ctx: Sender, index: number): QueueState {
  return (ctx.connection.queues[index] ??= { completion: null, messages: [], filled: [] })
}

/** The message buffer, with a message of `type` to fill in: zeros otherwise. */
export function newMessage({ messageBuffer }: Sender, type: number): DataView {
  const { view } = messageBuffer
  for (let at = 0; at < MESSAGE_BYTES; at += 8) view.setFloat64(at, 0)
  messageHeader.write.msg_type(view, 0, type)
  return view
}

/** The bytes of the message buffer: as many as every message of this version has, padded with zeros (wire/04 §1). */
const messageBytes = ({ messageBuffer, connection }: Sender): Uint8Array =>
  connection.version >= NvspVersion.v6_1 ? messageBuffer.long : messageBuffer.short

/** Completes a request with what the message buffer holds, or with nothing. Called once for each packet; what does not fit waits. */
export function complete(ctx: Sender, channel: Channel, low: number, high: number, empty = false): void {
  const payload = empty ? NONE : messageBytes(ctx)
  if (channel.sendCompletion(payload, low, high) || !channel.isOpen) return
  queueOf(ctx, channel.subchannelIndex).completion = { payload: payload.slice(), low, high }
  channel.wantWritable(MESSAGE_ROOM)
}

export function completeRndis(ctx: Sender, channel: Channel, low: number, high: number, status: number): void {
  sendRndisPacketComplete.write.status(newMessage(ctx, NvspType.sendRndisPacketComplete), BODY, status)
  complete(ctx, channel, low, high)
}

/** Sends a message of the host's own on the primary channel: what the message buffer holds, or the longer `bytes`. */
export function sendMessage(ctx: Sender, low: number, high: number, wantCompletion: boolean, bytes?: Uint8Array): void {
  const [channel] = ctx.channels
  if (channel === undefined) return
  const payload = bytes ?? messageBytes(ctx)
  const { messages } = queueOf(ctx, 0)
  if (messages.length === 0 && channel.sendInBand(payload, low, high, wantCompletion)) return
  if (!channel.isOpen || messages.length >= MOST_MESSAGES) return
  messages.push({ payload: payload.slice(), low, high, wantCompletion })
  channel.wantWritable(MESSAGE_ROOM + payload.length)
}

/** Sends again what found the ring full. True when nothing waits any more. */
export function drain(ctx: Sender, channel: Channel): boolean {
  const queue = queueOf(ctx, channel.subchannelIndex)
  const { completion, messages } = queue
  if (completion !== null) {
    queue.completion = null
    if (!channel.sendCompletion(completion.payload, completion.low, completion.high)) {
      queue.completion = completion
      return waitFor(channel, MESSAGE_ROOM)
    }
  }
  for (let message = messages.shift(); message !== undefined; message = messages.shift()) {
    const { payload, low, high, wantCompletion } = message
    if (channel.sendInBand(payload, low, high, wantCompletion)) continue
    messages.unshift(message)
    return waitFor(channel, MESSAGE_ROOM + payload.length)
  }
  return flush(ctx, channel)
}

function waitFor(channel: Channel, bytes: number): false {
  channel.wantWritable(bytes)
  return false
}

/** Forgets the frames that wait for room in the rings; answers stay. */
export function dropFrames({ connection, sections }: Sender): void {
  if (sections === undefined) return
  for (const queue of connection.queues) {
    if (!queue) continue
    const answers: number[] = []
    eachFilled(queue, (section, bytes, more) => {
      if (section < sections.control) answers.push(section, bytes, more)
      else sections.drop(section)
    })
    queue.filled = answers
  }
}

/** Visits what waits in a queue: section, bytes, and 1 if more of the same frame follows. */
export function eachFilled(
  { filled }: QueueState,
  visit: (section: number, bytes: number, more: number) => void,
): void {
  for (let at = 0; at < filled.length; at += FILLED) visit(filled[at] ?? 0, filled[at + 1] ?? 0, filled[at + 2] ?? 0)
}

/**
 * Sends filled sections, as many in a packet as guests take; the fragments of a frame stay in one packet. The guest may run
 * while it is signalled and cause more frames, or leave: each round looks at everything anew.
 */
export function flush(ctx: Sender, channel: Channel): boolean {
  for (;;) {
    const { filled } = queueOf(ctx, channel.subchannelIndex)
    const { sections } = ctx
    const count = sections === undefined ? 0 : packetCount(ctx, sections, filled)
    if (sections === undefined || count === 0) {
      while (filled.length > 0) filled.pop()
      return true
    }
    if (!sendPacket(ctx, channel, sections, filled, count))
      return channel.isOpen && waitFor(channel, TRANSFER_ROOM + count * 8)
  }
}

/** Sends the first `count` filled sections as one packet; false, with nothing changed, when it does not fit. */
function sendPacket(ctx: Sender, channel: Channel, sections: Sections, filled: number[], count: number): boolean {
  const { ranges, taken } = ctx.messageBuffer
  const first = filled[0] ?? 0
  while (ranges.length > 0) ranges.pop()
  while (taken.length > 0) taken.pop()
  for (let at = 0; at < count * FILLED; at += FILLED) {
    const section = filled[at] ?? 0
    const bytes = filled[at + 1] ?? 0
    ranges.push(sections.range(section, bytes))
    taken.push(section, bytes, filled[at + 2] ?? 0)
  }
  filled.copyWithin(0, taken.length)
  for (let gone = taken.length; gone > 0; gone--) filled.pop()
  sections.send(channel.subchannelIndex, ranges)
  const view = newMessage(ctx, NvspType.sendRndisPacket)
  sendRndisPacket.write.channel_type(view, BODY, first < sections.control ? ChannelType.control : ChannelType.data)
  sendRndisPacket.write.send_buf_section_index(view, BODY, NO_SECTION)
  const tracing = ctx.deps.trace !== undefined
  // The guest's interrupt waits until what the packet names has been traced.
  if (tracing) channel.cork()
  // The first section names the packet: it is in one packet at a time, whatever the channel. Id 0 would mean "no id".
  const sent = channel.sendTransferPages(ctx.connection.receiveBuffer?.id ?? 0, ranges, messageBytes(ctx), first + 1, 0)
  if (!sent) {
    sections.undo(first)
    filled.unshift(...taken)
  } else if (tracing) traceRanges(ctx, channel, ranges)
  if (tracing) channel.uncork()
  return sent
}

/** How many of `filled` make a packet: whole frames, as many as the guest takes; a control message goes alone. */
function packetCount(ctx: Sender, sections: Sections, filled: readonly number[]): number {
  const most = (ctx.connection.ndis?.major ?? 6) >= 6 ? MOST_RANGES : MOST_RANGES_NDIS5
  let whole = 0
  for (let at = 0, count = 1; at < filled.length && count <= most; at += FILLED, count++) {
    if ((filled[at] ?? 0) < sections.control) return whole === 0 ? 1 : whole
    if (filled[at + 2] === 0) whole = count
  }
  return whole
}
