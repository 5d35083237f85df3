import { MessageId, encode, layouts } from '../messages/index.ts'
import { NO_VP } from '../versions.ts'
import { close } from './close.ts'
import { channelOf, reject, type HostContext } from './context.ts'
import { end } from './contact.ts'
import { publishPending } from './offers.ts'
import { open } from './open.ts'
import { sendTo } from './outbox.ts'
import { isOpen, isOpenReserved, isRevoked } from './state.ts'

/**
 * Reserved channels are how a kernel debugger has a device to itself (OpenVMM handle_open_reserved_channel): any offered
 * relid can be opened so, without interrupts, its answers go where the guest says, and it outlives the connection. A
 * channel that is open already is refused without an answer.
 */
export function onOpenReserved(ctx: HostContext, payload: Uint8Array): void {
  const { relid, targetVp, targetSint, ringGpadl, downstreamOffset } = layouts.openReservedChannel.parse(payload)
  const channel = channelOf(ctx, relid)
  if (channel === undefined) return reject(ctx, 'reserved-channel', { relid })
  if (isRevoked(channel)) return reject(ctx, 'open-revoked', { relid })
  if (channel.phase === 'open') return reject(ctx, 'open-again', { relid })
  open(ctx, channel, {
    openId: 0,
    ringGpadl,
    targetVp: NO_VP,
    downstreamOffset,
    userData: new Uint8Array(120),
    connectionId: channel.connectionId,
    eventFlag: relid,
    reserved: { vp: targetVp, sint: targetSint, contact: ctx.state.contacts },
  })
}

/** Heard without a connection too; the answer goes to the target of this request (OpenVMM handle_close_reserved_channel). */
export function onCloseReserved(ctx: HostContext, payload: Uint8Array): void {
  const { relid, targetVp, targetSint } = layouts.closeReservedChannel.parse(payload)
  const channel = channelOf(ctx, relid)
  if (channel === undefined) return reject(ctx, 'reserved-channel', { relid })
  if (!isOpen(channel)) return reject(ctx, 'close-channel', { relid })
  if (!isOpenReserved(channel)) return reject(ctx, 'reserved-channel', { relid })
  const { connection, contacts } = ctx.state
  const outlived = connection === null || channel.request?.reserved?.contact !== contacts
  close(ctx, channel)
  const response = encode(layouts.closeReservedChannelResponse, MessageId.closeReservedChannelResponse, { relid })
  sendTo(ctx, targetVp, targetSint, response, true)
  if (!outlived) return
  // The guest of this connection does not know the channel: it is like any other that nobody has been offered yet.
  end(ctx, channel)
  publishPending(ctx)
}
