import { MessageId, encode, layouts } from '../messages/index.ts'
import { Feature, NO_VP, STATUS_UNSUCCESSFUL, Version } from '../versions.ts'
import { channelOf, reject, type HostContext } from './context.ts'
import { closeByGuest } from './offers.ts'
import { open } from './open.ts'
import { send } from './outbox.ts'
import type { HostReject } from './rejects.ts'
import { isOpen, isOpenReserved, isRevoked, type ChannelState, type OpenRequest } from './state.ts'

const CHOSEN_SIGNALS = Feature.guestSpecifiedSignalParameters | Feature.channelInterruptRedirection

export function onOpenChannel(ctx: HostContext, payload: Uint8Array): void {
  const { relid, openId, ringGpadl, targetVp, downstreamOffset, userData } = layouts.openChannel.parse(payload)
  const channel = channelOf(ctx, relid)
  if (channel === undefined || channel.reserved) return reject(ctx, 'open-channel', { relid })
  // No answer: the RESCIND that is on its way ends the request.
  if (isRevoked(channel)) return reject(ctx, 'open-revoked', { relid })
  if (channel.phase === 'open') return reject(ctx, 'open-again', { relid })
  const request: OpenRequest = {
    openId,
    ringGpadl,
    targetVp,
    downstreamOffset,
    userData,
    connectionId: channel.connectionId,
    eventFlag: relid,
    reserved: null,
  }
  // The longer form exists when a feature that needs it was agreed on.
  const features = ctx.state.connection?.features ?? 0
  if (
    (features & CHOSEN_SIGNALS) !== 0 &&
    payload.length >= layouts.openChannelV6.size &&
    features & Feature.guestSpecifiedSignalParameters
  ) {
    const { connectionId, eventFlag } = layouts.openChannelV6.parse(payload)
    request.connectionId = connectionId
    request.eventFlag = eventFlag
  }
  open(ctx, channel, request)
}

export function onCloseChannel(ctx: HostContext, payload: Uint8Array): void {
  const { relid } = layouts.closeChannel.parse(payload)
  const channel = channelOf(ctx, relid)
  if (channel === undefined || !isOpen(channel)) return reject(ctx, 'close-channel', { relid })
  if (isOpenReserved(channel)) return reject(ctx, 'reserved-open', { relid })
  closeByGuest(ctx, channel)
}

export function onModifyChannel(ctx: HostContext, payload: Uint8Array): void {
  const { relid, targetVp } = layouts.modifyChannel.parse(payload)
  const channel = channelOf(ctx, relid)
  const branch = refuseModify(ctx, channel, targetVp)
  if (branch !== undefined) reject(ctx, branch, { relid, targetVp })
  else if (channel?.request) {
    channel.request.targetVp = targetVp
    const end = ctx.ends.get(channel.key)
    if (end !== undefined) end.ring.targetVp = targetVp
  }
  // Fire and forget before 5.3.
  if ((ctx.state.connection?.version ?? 0) < Version.v5_3) return
  send(
    ctx,
    encode(layouts.modifyChannelResponse, MessageId.modifyChannelResponse, {
      relid,
      status: branch === undefined ? 0 : STATUS_UNSUCCESSFUL,
    }),
  )
}

function refuseModify(ctx: HostContext, channel: ChannelState | undefined, targetVp: number): HostReject | undefined {
  if (channel === undefined || channel.request === null) return 'modify-channel'
  if (channel.request.targetVp === NO_VP) return 'modify-interrupts'
  return targetVp >= ctx.options.partition.vps ? 'modify-vp' : undefined
}
