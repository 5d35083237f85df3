import { channelEvent, retire, type HostContext } from './context.ts'
import { finishTeardown } from './gpadls.ts'
import { disconnectEvents, scheduleMonitor } from './signals.ts'
import { isRevoked, type ChannelState } from './state.ts'

/** The rings are let go of, then the device hears of it. Nothing answers a close. */
export function close(ctx: HostContext, channel: ChannelState): void {
  const end = ctx.ends.get(channel.key)
  end?.ring.close()
  if (end !== undefined) ctx.devices.get(channel.device)?.device.close(end.ring)
  const ringGpadl = channel.request?.ringGpadl ?? 0
  leave(ctx, channel)
  channelEvent(ctx, 'closed', channel)
  retire(ctx, channel.device)
  finishTeardown(ctx, channel.relid, ringGpadl)
  scheduleMonitor(ctx)
}

/** Silence after the close: ports, rings and signals in waiting are gone. */
export function leave(ctx: HostContext, channel: ChannelState): void {
  const { key, request } = channel
  if (request !== null) disconnectEvents(ctx, request.connectionId)
  ctx.ends.get(key)?.ring.close()
  ctx.ends.delete(key)
  ctx.state.doorbells.delete(key)
  ctx.state.signals.delete(key)
  channel.request = null
  channel.phase = isRevoked(channel) ? 'revoked' : 'offered'
}
