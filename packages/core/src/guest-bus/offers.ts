import { MessageId, encode, layouts } from '../messages/index.ts'
import type { Offer } from '../types.ts'
import { MAX_RELID } from '../versions.ts'
import { dropEnd } from './rings.ts'
import { channelByRelid, channelsOf, driverOf, reject, type GuestContext } from './context.ts'
import { bind } from './drivers.ts'
import { post } from './post.ts'
import { driverFor, probe, wasProbed } from './probing.ts'
import type { GuestChannelState } from './state.ts'

function decodeOffer(payload: Uint8Array): Offer {
  const offer = layouts.offerChannel.parse(payload)
  return {
    interfaceId: offer.interfaceId,
    instanceId: offer.instanceId,
    flags: offer.flags,
    mmioMegabytes: offer.mmioMegabytes,
    userDefined: offer.userDefined,
    subchannelIndex: offer.subchannelIndex,
    relid: offer.relid,
    monitorId: offer.monitorId,
    monitorAllocated: offer.monitor.allocated !== 0,
    dedicatedInterrupt: offer.interrupt.dedicated !== 0,
    connectionId: offer.connectionId,
  }
}

export function onOffer(ctx: GuestContext, payload: Uint8Array): void {
  const { state } = ctx
  const offer = decodeOffer(payload)
  const { relid, instanceId, subchannelIndex } = offer
  if (state.phase !== 'requesting' && state.phase !== 'running') return reject(ctx, 'offer-unexpected', { relid })
  if (relid === 0 || relid > MAX_RELID) return reject(ctx, 'offer-relid', { relid })
  if (channelByRelid(ctx, relid) !== undefined) return reject(ctx, 'offer-duplicate', { relid })
  // Devices are told apart by their instance alone (Linux vmbus_onoffer).
  const channels = [...state.channels.values()].filter((channel) => channel.offer.instanceId === instanceId)
  const primary = channels.find((channel) => channel.offer.subchannelIndex === 0)
  if (subchannelIndex > 0) {
    const orphan =
      primary === undefined ||
      primary.stale ||
      channels.some((channel) => channel.offer.subchannelIndex === subchannelIndex)
    if (orphan) return reject(ctx, 'offer-orphan', { relid, subchannelIndex })
    return add(ctx, primary.device, offer)
  }
  if (primary === undefined) return add(ctx, newDevice(ctx, offer), offer)
  if (!primary.stale) return reject(ctx, 'offer-live', { relid })
  // After a resume any field may have changed, the relid nearly always has.
  primary.stale = false
  primary.offer = offer
  announce(ctx, primary)
}

function newDevice(ctx: GuestContext, offer: Offer): number {
  const key = ctx.state.nextKey++
  const { interfaceId, instanceId } = offer
  const device = { key, interfaceId, instanceId, kind: driverFor(ctx, interfaceId) }
  ctx.state.devices.set(key, device)
  bind(ctx, device)
  return key
}

function add(ctx: GuestContext, device: number, offer: Offer): void {
  const key = ctx.state.nextKey++
  const channel: GuestChannelState = {
    key,
    device,
    offer,
    phase: 'offered',
    targetVp: 0,
    rings: null,
    modifying: false,
    nextVp: null,
    stale: false,
  }
  ctx.state.channels.set(key, channel)
  announce(ctx, channel)
}

function announce(ctx: GuestContext, channel: GuestChannelState): void {
  const { interfaceId, instanceId, subchannelIndex, relid } = channel.offer
  const driver = ctx.state.devices.get(channel.device)?.kind ?? undefined
  ctx.emit({ kind: 'offered', interfaceId, instanceId, subchannelIndex, relid, driver })
  probe(ctx, channel)
}

export function onAllOffers(ctx: GuestContext): void {
  const { state } = ctx
  if (state.phase !== 'requesting') return reject(ctx, 'all-offers-unexpected')
  state.phase = 'running'
  // What the host did not offer again after a resume is gone.
  for (const channel of state.channels.values()) if (channel.stale) end(ctx, channel)
  ctx.emit({ kind: 'offers-delivered' })
}

export function onRescind(ctx: GuestContext, payload: Uint8Array): void {
  const { relid } = layouts.rescindChannelOffer.parse(payload)
  const channel = channelByRelid(ctx, relid)
  if (channel === undefined) return reject(ctx, 'rescind-unknown', { relid })
  const wasOpen = channel.phase === 'open'
  end(ctx, channel)
  if (wasOpen && ctx.behaviour.closesRescinded)
    post(ctx, encode(layouts.closeChannel, MessageId.closeChannel, { relid }))
  release(ctx, relid)
}

export function release(ctx: GuestContext, relid: number): void {
  post(ctx, encode(layouts.relidReleased, MessageId.relidReleased, { relid }))
}

/** Ends a channel and everything that waits on it; its driver forgets it, its pages are free. Says nothing to the host. */
export function end(ctx: GuestContext, channel: GuestChannelState): void {
  const { state } = ctx
  channel.phase = 'rescinded'
  dropEnd(ctx, channel)
  const { interfaceId, instanceId, subchannelIndex, relid } = channel.offer
  if (wasProbed(ctx, channel)) driverOf(ctx, channel)?.rescinded(ctx.handleOf(channel))
  for (const gpadl of state.gpadls.values()) if (gpadl.channel === channel.key) state.gpadls.delete(gpadl.id)
  if (channel.rings !== null) ctx.options.pages.free(channel.rings.pfns)
  channel.rings = null
  state.channels.delete(channel.key)
  ctx.handles.delete(channel.key)
  const driver = state.devices.get(channel.device)?.kind ?? undefined
  if (channelsOf(ctx, channel.device).length === 0) {
    state.devices.delete(channel.device)
    ctx.drivers.delete(channel.device)
  }
  ctx.emit({ kind: 'rescinded', interfaceId, instanceId, subchannelIndex, relid, driver })
}
