import { PacketType, type GuestChannel, type Packet } from '@vmbus/core'
import {
  BODY,
  MESSAGE_BYTES,
  NvspStatus,
  NvspType,
  NvspVersion,
  SEND_TABLE_SIZE,
  messageHeader,
  sendIndirectionTable,
  sendRndisPacketComplete,
  sendVfAssociation,
} from '../protocol/nvsp.ts'
import { answerCame, awaitAnswer } from './answer-timer.ts'
import { handleControls } from './control.ts'
import { vfChanged } from './data-path.ts'
import { flushBatch } from './outgoing.ts'
import { mostPendingCompletions, receivePackets } from './receive.ts'
import { finishRndisRequest } from './requests.ts'
import { endUnanswered, isUnderWay, release } from './sent-packets.ts'
import { completed } from './setup.ts'
import { diagnose } from './state.ts'
import { advance } from './teardown.ts'
import type { GuestContext, SentPacket } from './types.ts'

/**
 * Hosts up to NVSP 6 may put the send table behind a whole message, whatever its header says (Linux netvsc.c,
 * netvsc_send_table); with its 16 words of a queue number such a message has this length.
 */
const FIXED_TABLE_AT = MESSAGE_BYTES
const FIXED_TABLE_BYTES = FIXED_TABLE_AT + SEND_TABLE_SIZE * 4

/** Takes all that the host sent on a channel. */
export function readable(ctx: GuestContext, channel: GuestChannel): void {
  const ring = channel.channel
  const index = channel.offer.subchannelIndex
  if (ring === undefined) return
  const most = mostPendingCompletions(ctx)
  ring.cork()
  ctx.isReceiving = true
  for (;;) {
    // A packet may end the queue.
    const queue = ctx.state.queues[index]
    if (!queue || queue.pendingCompletions.length >= most) break
    const packet = ring.receive()
    if (packet === undefined) break
    if (packet.type === PacketType.completion) onCompletion(ctx, channel, packet)
    else if (packet.type === PacketType.transferPages) receivePackets(ctx, channel, packet)
    else if (index === 0) onHostMessage(ctx, packet)
  }
  handleControls(ctx)
  ctx.isReceiving = false
  ring.uncork()
  // Outside of the cork: what a teardown sends must be in the ring, and signalled, before its channel closes.
  advance(ctx)
  retry(ctx)
}

/** The host completed a packet. An id that is not under way on this channel is the host's mistake. */
function onCompletion(ctx: GuestContext, channel: GuestChannel, packet: Packet): void {
  const { state } = ctx
  const id = packet.transactionHigh === 0 ? packet.transactionLow : 0
  const sent = ctx.sent.get(id)
  if (sent === undefined || !isUnderWay(sent) || sent.queue !== channel.offer.subchannelIndex) {
    const what = `a completion of ${packet.transactionLow}, which is not under way on the channel`
    diagnose(ctx, 'VMBUS_NETVSC_COMPLETION', 'completion-unasked', what)
    return
  }
  const { kind, type } = sent
  endSent(ctx, id, sent)
  if (state.phase === 'stopping' && state.answerAt !== Infinity) awaitAnswer(ctx)
  const { view, payloadOffset: at, payloadLength } = packet
  if (kind === 'request') {
    if (type === NvspType.switchDataPath) answerCame(ctx)
    else if (state.phase === 'setup') completed(ctx, type, new DataView(view.buffer, at, payloadLength))
    return
  }
  const isKnown =
    payloadLength >= BODY + sendRndisPacketComplete.size &&
    messageHeader.read.msg_type(view, at) === NvspType.sendRndisPacketComplete
  if (!isKnown || sendRndisPacketComplete.read.status(view, at + BODY) !== NvspStatus.success)
    state.statistics.sendErrors++
  if (kind === 'control' && state.phase === 'stopping') finishRndisRequest(ctx)
}

function endSent(ctx: GuestContext, id: number, sent: SentPacket): void {
  if (sent.kind === 'request' && sent.type !== NvspType.switchDataPath && ctx.options.keepsSetupIds === true) {
    sent.kind = 'kept'
    return
  }
  ctx.sent.end(id)
  release(ctx, sent)
}

function onHostMessage(ctx: GuestContext, packet: Packet): void {
  if (packet.payloadLength < BODY) return
  const { view, payloadOffset, payloadLength } = packet
  const type = messageHeader.read.msg_type(view, payloadOffset)
  if (type === NvspType.sendVfAssociation && payloadLength >= BODY + sendVfAssociation.size) {
    const { allocated, serial } = sendVfAssociation.decode(view, payloadOffset + BODY)
    vfChanged(ctx, allocated === 0 ? null : { serial })
  } else if (type === NvspType.sendIndirectionTable && payloadLength >= BODY + sendIndirectionTable.size)
    setSendTable(ctx, packet)
}

function setSendTable(ctx: GuestContext, { view, payloadOffset: at, payloadLength }: Packet): void {
  const { state } = ctx
  const { count, offset: given } = sendIndirectionTable.decode(view, at + BODY)
  const offset = state.version <= NvspVersion.v6 && payloadLength >= FIXED_TABLE_BYTES ? FIXED_TABLE_AT : given
  if (count !== SEND_TABLE_SIZE || offset > payloadLength || payloadLength - offset < count * 4) {
    diagnose(ctx, 'VMBUS_NETVSC_TABLE', 'table-size', `a send table of ${count} entries at ${offset}`)
    return
  }
  const queues = state.subchannels + 1
  state.sendTable = Array.from({ length: count }, (_, index) => view.getUint32(at + offset + index * 4, true) % queues)
}

/** Sends what had no room, then says that there is room. */
function retry(ctx: GuestContext): void {
  for (const [index, queue] of ctx.state.queues.entries()) {
    if (!queue?.blocked || queue.outgoing.length > 0 || !flushBatch(ctx, index)) continue
    queue.blocked = false
    ctx.options.onWritable?.()
  }
}

/** The subchannel is gone with everything that was under way on it. */
export function endQueue(ctx: GuestContext, index: number): void {
  const { state } = ctx
  const queue = state.queues[index]
  if (queue && queue.batch.section >= 0) state.sections.push(queue.batch.section)
  state.queues[index] = null
  endUnanswered(ctx, (packet) => packet.queue === index)
}
