import { openEnd } from '../channel-end.ts'
import { MessageId, encode, layouts } from '../messages/index.ts'
import { ringPagesFault } from '../ring/index.ts'
import type { Offer } from '../types.ts'
import { NO_MONITOR, NO_VP, STATUS_UNSUCCESSFUL } from '../versions.ts'
import { leave } from './close.ts'
import { callLater, channelEvent, reject, type HostContext, type HostEnd } from './context.ts'
import { saysRoom } from './guest-os.ts'
import type { HostReject } from './rejects.ts'
import { send, sendTo } from './outbox.ts'
import { connectEvents, scheduleMonitor, signalGuest } from './signals.ts'
import { gpadlKey, type ChannelState, type OpenRequest } from './state.ts'

/** Opens a channel that is offered, and answers. */
export function open(ctx: HostContext, channel: ChannelState, request: OpenRequest): void {
  const status = accept(ctx, channel, request)
  const result = encode(layouts.openChannelResult, MessageId.openChannelResult, {
    relid: channel.relid,
    openId: request.openId,
    status,
  })
  if (request.reserved === null) send(ctx, result)
  else sendTo(ctx, request.reserved.vp, request.reserved.sint, result, true)
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
      polls: !saysRoom(partition.guestOsId()),
      signal: () => {
        if (end.opening) end.signalOwed = true
        else signalGuest(ctx, key)
      },
      due: () => callLater(ctx, key),
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
