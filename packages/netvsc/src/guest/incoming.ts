import { PacketType, type GuestChannel, type Packet } from '@vmbus/core'
import {
  BODY,
  NvspStatus,
  MESSAGE_BYTES,
  NvspType,
  NvspVersion,
  SEND_TABLE_SIZE,
  messageHeader,
  sendIndirectionTable,
  sendRndisPacketComplete,
  sendVfAssociation,
} from '../protocol/nvsp.ts'
import { vfChanged } from './data-path.ts'
import { mostOwed } from './receive.ts'
import { next } from './request.ts'
import { flushBatch } from './outgoing.ts'
import { completed } from './setup.ts'
import { answerCame, awaitAnswer, diagnose, endUnanswered, isUnderWay, release, type GuestContext } from './state.ts'
import { advance } from './teardown.ts'

/** A packet of ours came back. Ids that we did not give, or gave for another channel, are the host's mistake. */
const complete = (ctx: GuestContext, channel: GuestChannel, packet: Packet): void => {
  const { state } = ctx
  const id = packet.transactionHigh === 0 ? packet.transactionLow : 0
  const sent = ctx.sent.get(id)
  if (sent === undefined || !isUnderWay(sent) || sent.queue !== channel.offer.subchannelIndex) {
    diagnose(
      ctx,
      'VMBUS_NETVSC_COMPLETION',
      'completion-unasked',
      `a completion of ${packet.transactionLow}, which is not under way on the channel`,
    )
    return
  }
  const { kind, type } = sent
  if (kind === 'request' && type !== NvspType.switchDataPath && ctx.options.keepsSetupIds === true) sent.kind = 'kept'
  else {
    ctx.sent.end(id)
    release(ctx, sent)
  }
  if (state.phase === 'stopping' && state.answerAt !== Infinity) awaitAnswer(ctx)
  const { view, payloadOffset: at, payloadLength } = packet
  if (kind === 'request') {
    if (type === NvspType.switchDataPath) answerCame(ctx)
    else if (state.phase === 'setup') completed(ctx, type, new DataView(view.buffer, at, payloadLength), payloadLength)
  } else {
    const known =
      payloadLength >= BODY + sendRndisPacketComplete.size &&
      messageHeader.read.msg_type(view, at) === NvspType.sendRndisPacketComplete
    if (!known || sendRndisPacketComplete.read.status(view, at + BODY) !== NvspStatus.success)
      state.statistics.sendErrors++
    if (kind === 'control' && state.phase === 'stopping') next(ctx)
  }
}

/**
 * Hosts up to NVSP 6 may put the send table behind a whole message, whatever its header says (Linux netvsc.c,
 * netvsc_send_table); with its 16 words of a queue number such a message has this length.
 */
const FIXED_TABLE_AT = MESSAGE_BYTES
const FIXED_TABLE_BYTES = FIXED_TABLE_AT + SEND_TABLE_SIZE * 4

/** A message of the host's own. */
const told = (ctx: GuestContext, packet: Packet): void => {
  const { state } = ctx
  if (packet.payloadLength < BODY) return
  const { view, payloadOffset: at } = packet
  const type = messageHeader.read.msg_type(view, at)
  if (type === NvspType.sendVfAssociation && packet.payloadLength >= BODY + sendVfAssociation.size) {
    const { allocated, serial } = sendVfAssociation.decode(view, at + BODY)
    vfChanged(ctx, allocated === 0 ? null : { serial })
  } else if (type === NvspType.sendIndirectionTable && packet.payloadLength >= BODY + sendIndirectionTable.size) {
    const { count, offset: said } = sendIndirectionTable.decode(view, at + BODY)
    const offset = state.version <= NvspVersion.v6 && packet.payloadLength >= FIXED_TABLE_BYTES ? FIXED_TABLE_AT : said
    if (count !== SEND_TABLE_SIZE || offset > packet.payloadLength || packet.payloadLength - offset < count * 4) {
      diagnose(ctx, 'VMBUS_NETVSC_TABLE', 'table-size', `a send table of ${count} entries at ${offset}`)
      return
    }
    const queues = state.subchannels + 1
    state.sendTable = Array.from(
      { length: count },
      (_, index) => view.getUint32(at + offset + index * 4, true) % queues,
    )
  }
}

/** Sends what had no room, then says that there is room. */
const retry = (ctx: GuestContext): void => {
  for (const [index, queue] of ctx.state.queues.entries()) {
    if (!queue?.blocked || queue.outgoing.length > 0 || !flushBatch(ctx, index)) continue
    queue.blocked = false
    ctx.options.onWritable?.()
  }
}

/** Takes all that the host sent on a channel. */
export const readable = (ctx: GuestContext, channel: GuestChannel): void => {
  const ring = channel.channel
  const index = channel.offer.subchannelIndex
  if (ring === undefined) return
  ring.cork()
  ctx.receiving = true
  const most = mostOwed(ctx)
  for (let queue = ctx.state.queues[index]; queue && queue.owed.length < most; queue = ctx.state.queues[index]) {
    const packet = ring.receive()
    if (packet === undefined) break
    if (packet.type === PacketType.completion) complete(ctx, channel, packet)
    else if (packet.type === PacketType.transferPages) ctx.receive.packet(ctx, channel, packet)
    else if (index === 0) told(ctx, packet)
  }
  ctx.receive.controls(ctx)
  ctx.receiving = false
  ring.uncork()
  // What a teardown sends must be out before its channel closes.
  advance(ctx)
  retry(ctx)
}

/** The subchannel is gone with everything that was under way on it. */
export function endQueue(ctx: GuestContext, index: number): void {
  const { state } = ctx
  const queue = state.queues[index]
  if (queue && queue.batch.section >= 0) state.sections.push(queue.batch.section)
  state.queues[index] = null
  endUnanswered(ctx, (packet) => packet.queue === index)
}
