import type { Channel } from '@vmbus/core'
import { ChannelType } from '../protocol/nvsp.ts'
import { rndisMessage } from './send-buffers.ts'
import { packetRecord, recycle } from './sent-packets.ts'
import type { Outgoing, Sender } from './types.ts'

/** The id of a message without completion (Linux include/linux/hyperv.h, VMBUS_RQST_ID_NO_RESPONSE). */
const NO_RESPONSE_LOW = 0xffff_fffd
const NO_RESPONSE_HIGH = 0xffff_ffff
/** Room asked for when the ring is full: a GPA-direct packet of a 64 KiB frame, with its 40 bytes of NVSP. */
export const ROOM = 16 + 8 + 16 + 18 * 8 + 40 + 8

/** Sends a packet, or keeps it until there is room. Its request has been recorded. */
export function post(ctx: Sender, queueIndex: number, outgoing: Outgoing): void {
  const queue = ctx.state.queues[queueIndex]
  const channel = ctx.channels[queueIndex]?.channel
  if (!queue || channel === undefined) return
  const waits = queue.outgoing.length > 0 || queue.pendingCompletions.length > 0
  if (!waits && sendNow(channel, outgoing)) return
  queue.outgoing.push({ ...outgoing, payload: outgoing.payload.slice() })
  // Room for completions is asked for already, which is less.
  if (queue.pendingCompletions.length === 0) channel.wantWritable(ROOM)
}

function sendNow(channel: Channel, outgoing: Outgoing): boolean {
  const { id, payload } = outgoing
  if (outgoing.kind === 'gpa') return channel.sendGpaDirect(outgoing.ranges, payload, id, 0)
  return id > 0
    ? channel.sendInBand(payload, id, 0, true)
    : channel.sendInBand(payload, NO_RESPONSE_LOW, NO_RESPONSE_HIGH, false)
}

/** Sends what waited; false while the ring is still full. */
export function drainOutgoing(ctx: Sender, queueIndex: number): boolean {
  const queue = ctx.state.queues[queueIndex]
  const channel = ctx.channels[queueIndex]?.channel
  if (!queue || channel === undefined) return true
  if (queue.pendingCompletions.length > 0) return false
  for (let next = queue.outgoing.shift(); next !== undefined; next = queue.outgoing.shift()) {
    if (sendNow(channel, next)) continue
    queue.outgoing.unshift(next)
    channel.wantWritable(ROOM)
    return false
  }
  return flushBatch(ctx, queueIndex)
}

/** Sends the section that was being filled. False when the ring is full: it goes as soon as there is room. */
export function flushBatch(ctx: Sender, index: number): boolean {
  const queue = ctx.state.queues[index]
  const channel = ctx.channels[index]?.channel
  if (!queue || queue.batch.section < 0) return true
  const { batch, pendingCompletions } = queue
  if (channel === undefined || pendingCompletions.length > 0) return false
  const { section, used } = batch
  const several = batch.frames > 1
  // Recorded first: the completion, and what the owner sends then, may come before `sendInBand` returns.
  batch.section = -1
  const packet = packetRecord(ctx, 'section', index)
  packet.section = section
  const id = ctx.sent.begin(packet)
  if (!channel.sendInBand(rndisMessage(ctx.sending, ChannelType.data, section, used), id, 0, true)) {
    ctx.sent.undo(id)
    recycle(ctx, packet)
    batch.section = section
    channel.wantWritable(ROOM)
    return false
  }
  if (several) ctx.state.statistics.aggregated++
  return true
}
