import { openEnd } from '../channel-end.ts'
import { MessageId, encode, layouts } from '../messages/index.ts'
import { ringPagesFault } from '../ring/index.ts'
import type { Offer } from '../types.ts'
import { Feature, NO_MONITOR, NO_VP, STATUS_UNSUCCESSFUL, Version } from '../versions.ts'
import { close, leave } from './close.ts'
import { channelEvent, channelOf, reject, type HostContext, type HostEnd } from './context.ts'
import { closeByGuest } from './offers.ts'
import type { HostReject } from './rejects.ts'
import { send, sendTo } from './outbox.ts'
import { connectEvents, scheduleMonitor, signalGuest } from './signals.ts'
import { gpadlKey, isOpen, isRevoked, type ChannelState, type OpenRequest } from './state.ts'

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

export function onOpenReserved(ctx: HostContext, payload: Uint8Array): void {
  const { relid, targetVp, targetSint, ringGpadl, downstreamOffset } = layouts.openReservedChannel.parse(payload)
  const channel = channelOf(ctx, relid)
  if (channel === undefined || !channel.reserved) return reject(ctx, 'reserved-channel', { relid })
  // A crash kernel may take over a channel that its predecessor left open.
  if (channel.phase === 'open') close(ctx, channel)
  open(ctx, channel, {
    openId: 0,
    ringGpadl,
    targetVp,
    downstreamOffset,
    userData: new Uint8Array(120),
    connectionId: channel.connectionId,
    eventFlag: relid,
    reserved: { vp: targetVp, sint: targetSint },
  })
}

export function onCloseReserved(ctx: HostContext, payload: Uint8Array): void {
  const { relid, targetVp, targetSint } = layouts.closeReservedChannel.parse(payload)
  const channel = channelOf(ctx, relid)
  if (channel === undefined || !channel.reserved) return reject(ctx, 'reserved-channel', { relid })
  if (channel.phase !== 'open') return reject(ctx, 'close-channel', { relid })
  close(ctx, channel)
  sendTo(
    ctx,
    targetVp,
    targetSint,
    encode(layouts.closeReservedChannelResponse, MessageId.closeReservedChannelResponse, { relid }),
  )
}

function open(ctx: HostContext, channel: ChannelState, request: OpenRequest): void {
  const status = accept(ctx, channel, request)
  const result = encode(layouts.openChannelResult, MessageId.openChannelResult, {
    relid: channel.relid,
    openId: request.openId,
    status,
  })
  if (request.reserved === null) send(ctx, result)
  else sendTo(ctx, request.reserved.vp, request.reserved.sint, result)
  const end = ctx.ends.get(channel.key)
  if (end === undefined) return
  channelEvent(ctx, 'opened', channel)
  // The answer goes before what the device said while opening; then what the guest sent without waiting for it.
  end.opening = false
  if (end.signalOwed) signalGuest(ctx, channel.key)
  ctx.state.doorbells.add(channel.key)
}

function accept(ctx: HostContext, channel: ChannelState, request: OpenRequest): number {
  const { relid } = channel
  const live = ctx.devices.get(channel.device)
  const refuse = (branch: HostReject): number => {
    reject(ctx, branch, { relid })
    return STATUS_UNSUCCESSFUL
  }
  const gpadl = ctx.state.gpadls.get(gpadlKey(relid, request.ringGpadl))
  if (gpadl === undefined || gpadl.phase !== 'created') return refuse('open-gpadl')
  const [range, more] = gpadl.ranges
  if (range === undefined || more !== undefined || range.byteOffset !== 0 || range.byteCount % 4096 !== 0)
    return refuse('open-ring')
  const { memory } = ctx.options.partition
  const rings = [range.pfns.slice(0, request.downstreamOffset), range.pfns.slice(request.downstreamOffset)]
  if (rings.some((pfns) => ringPagesFault(memory, pfns) !== undefined)) return refuse('open-ring')
  if (request.targetVp !== NO_VP && request.targetVp >= ctx.options.partition.vps) return refuse('open-vp')
  if (request.eventFlag === 0 || request.eventFlag > 2047 || !connectEvents(ctx, channel, request.connectionId))
    return refuse('open-signals')
  channel.request = request
  const end = createEnd(ctx, channel, request)
  // The indices that the guest left in its rings are impossible.
  if (!end.ring.isOpen) {
    leave(ctx, channel)
    return refuse('open-ring')
  }
  end.opening = true
  channel.phase = 'open'
  const status = live?.device.open(end.ring) ?? STATUS_UNSUCCESSFUL
  if (status === 0) {
    scheduleMonitor(ctx)
    return 0
  }
  leave(ctx, channel)
  reject(ctx, 'open-refused', { relid, status })
  return status
}

/** The host's end of the rings of an open channel. */
export function createEnd(ctx: HostContext, channel: ChannelState, request: OpenRequest, saved?: unknown): HostEnd {
  const { partition, trace, diagnose } = ctx.options
  const { key, relid } = channel
  const pfns = ctx.state.gpadls.get(gpadlKey(relid, request.ringGpadl))?.ranges[0]?.pfns ?? []
  const { downstreamOffset, targetVp, userData } = request
  const end: HostEnd = {
    ring: openEnd({
      memory: partition.memory,
      offer: offerOf(channel),
      role: 'host',
      pfns,
      downstreamOffset,
      targetVp,
      userData,
      signal: () => {
        if (end.opening) end.signalOwed = true
        else signalGuest(ctx, key)
      },
      due: () => ctx.due(key),
      gpadl: (id) => ctx.grants.get(gpadlKey(relid, id))?.gpadl,
      saved,
      trace,
      diagnose,
    }),
    opening: false,
    signalOwed: false,
  }
  ctx.ends.set(key, end)
  return end
}

export function onCloseChannel(ctx: HostContext, payload: Uint8Array): void {
  const { relid } = layouts.closeChannel.parse(payload)
  const channel = channelOf(ctx, relid)
  if (channel === undefined || channel.reserved || !isOpen(channel)) return reject(ctx, 'close-channel', { relid })
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

/** The offer as the host's end of the channel states it. */
function offerOf(channel: ChannelState): Offer {
  const {
    interfaceId,
    instanceId,
    flags,
    mmioMegabytes,
    userDefined,
    subchannelIndex,
    relid,
    monitorId,
    connectionId,
  } = channel
  return {
    interfaceId,
    instanceId,
    flags,
    mmioMegabytes,
    userDefined,
    subchannelIndex,
    relid,
    monitorId,
    monitorAllocated: monitorId !== NO_MONITOR,
    dedicatedInterrupt: true,
    connectionId,
  }
}
