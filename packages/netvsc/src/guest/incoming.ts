import { PacketType, type GuestChannel, type Packet } from '@vmbus/core'
import {
  BODY,
  NvspStatus,
  NvspType,
  SEND_TABLE_SIZE,
  messageHeader,
  sendIndirectionTable,
  sendRndisPacketComplete,
  sendVfAssociation,
} from '../protocol/nvsp.ts'
import { vfChanged } from './data-path.ts'
import { next } from './request.ts'
import { flushBatch } from './send.ts'
import { completed } from './setup.ts'
import { answerCame, diagnose, freeSlot, type GuestContext } from './state.ts'
import { advance } from './teardown.ts'

/** A packet of ours came back. Ids that we did not give, or gave for another channel, are the host's mistake. */
const complete = (ctx: GuestContext, channel: GuestChannel, packet: Packet): void => {
  const { state } = ctx
  const index = packet.transactionLow - 1
  const slot = packet.transactionHigh === 0 ? state.slots[index] : undefined
  if (!slot || slot.queue !== channel.offer.subchannelIndex) {
    diagnose(
      ctx,
      'VMBUS_NETVSC_COMPLETION',
      'completion-unasked',
      `a completion of ${packet.transactionLow}, which is not under way on the channel`,
    )
    return
  }
  if (slot.kind === 'request' && slot.type !== NvspType.switchDataPath && ctx.options.keepsSetupIds === true)
    state.slots[index] = null
  else freeSlot(ctx, index)
  const view = new DataView(packet.bytes.buffer, packet.payloadOffset, packet.payloadLength)
  if (slot.kind === 'request') {
    if (slot.type === NvspType.switchDataPath) answerCame(ctx)
    else if (state.phase === 'setup') completed(ctx, slot.type, view, packet.payloadLength)
  } else {
    const known =
      packet.payloadLength >= BODY + sendRndisPacketComplete.size &&
      messageHeader.read.msg_type(view, 0) === NvspType.sendRndisPacketComplete
    if (!known || sendRndisPacketComplete.read.status(view, BODY) !== NvspStatus.success) state.statistics.sendErrors++
    if (slot.kind === 'section') state.sections.push(slot.section)
    else if (slot.kind === 'pages') state.pages.push(...slot.pfns)
    else if (state.phase === 'stopping') next(ctx)
  }
}

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
    const { count, offset } = sendIndirectionTable.decode(view, at + BODY)
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
  for (let queue = ctx.state.queues[index]; queue && queue.owed === null; queue = ctx.state.queues[index]) {
    const packet = ring.receive()
    if (packet === undefined) break
    if (packet.type === PacketType.completion) complete(ctx, channel, packet)
    else if (packet.type === PacketType.transferPages) ctx.receive(ctx, channel, packet)
    else if (index === 0) told(ctx, packet)
  }
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
  if (queue?.batch) state.sections.push(queue.batch.section)
  state.queues[index] = null
  for (const [at, slot] of state.slots.entries()) {
    if (slot?.queue !== index) continue
    if (slot.kind === 'section') state.sections.push(slot.section)
    if (slot.kind === 'pages') state.pages.push(...slot.pfns)
    freeSlot(ctx, at)
  }
}
