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
/** Numbers in `filled` for each section. */
const FILLED = 3

/** Where one adapter's messages are written: a ring copies them before the sender returns. */
export interface Scratch {
  readonly view: DataView
  readonly short: Uint8Array
  readonly long: Uint8Array
  readonly ranges: TransferRange[]
  /** The filled sections of the packet that is being sent. */
  readonly taken: number[]
}

export function createScratch(): Scratch {
  const buffer = new ArrayBuffer(MESSAGE_BYTES)
  return {
    view: new DataView(buffer),
    short: new Uint8Array(buffer, 0, SHORT_MESSAGE_BYTES),
    long: new Uint8Array(buffer),
    ranges: [],
    taken: [],
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

/** Tries again what found the ring full, each as if it had never been asked. True when nothing waits any more. */
export function drain(ctx: HostContext, channel: Channel): boolean {
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
export function dropFrames({ connection, sections }: HostContext): void {
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
export function flush(ctx: HostContext, channel: Channel): boolean {
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
function sendPacket(ctx: HostContext, channel: Channel, sections: Sections, filled: number[], count: number): boolean {
  const { ranges, taken } = ctx.scratch
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
  const view = begin(ctx, NvspType.sendRndisPacket)
  sendRndisPacket.write.channel_type(view, BODY, first < sections.control ? ChannelType.control : ChannelType.data)
  sendRndisPacket.write.send_buf_section_index(view, BODY, NO_SECTION)
  const tracing = ctx.deps.trace !== undefined
  // The guest's interrupt waits until what the packet names has been traced.
  if (tracing) channel.cork()
  // The first section names the packet: it is in one packet at a time, whatever the channel. Id 0 would mean "no id".
  const sent = channel.sendTransferPages(ctx.connection.receiveBuffer?.id ?? 0, ranges, begun(ctx), first + 1, 0)
  if (!sent) {
    sections.undo(first)
    filled.unshift(...taken)
  } else if (tracing) traceRanges(ctx, channel, ranges)
  if (tracing) channel.uncork()
  return sent
}

/** How many of `filled` make a packet: whole frames, as many as the guest takes; a control message goes alone. */
function packetCount(ctx: HostContext, sections: Sections, filled: readonly number[]): number {
  const most = (ctx.connection.ndis?.major ?? 6) >= 6 ? MOST_RANGES : MOST_RANGES_NDIS5
  let whole = 0
  for (let at = 0, count = 1; at < filled.length && count <= most; at += FILLED, count++) {
    if ((filled[at] ?? 0) < sections.control) return whole === 0 ? 1 : whole
    if (filled[at + 2] === 0) whole = count
  }
  return whole
}
