import { MessageId, encode, layouts } from '../messages/index.ts'
import { Feature, MAX_RELID, MAX_RELID_COMPAT, NO_MONITOR, Version } from '../versions.ts'
import { channelEvent, channelOf, offersWanted, reject, subchannelsOf, type HostContext } from './context.ts'
import { close } from './close.ts'
import { forgetGpadls } from './gpadls.ts'
import { send } from './outbox.ts'
import { isOpen, isOpenReserved, isRevoked, type ChannelState } from './state.ts'

/** OpenVMM OfferFlags that a host clears unless the feature was agreed on. */
const CONFIDENTIAL = 0x0006
const REQUIRES_PINNING = 0x0008
const MONITOR_IDS = 128

export function onRequestOffers(ctx: HostContext): void {
  const { connection } = ctx.state
  if (connection === null) return
  if (connection.offersRequested) return reject(ctx, 'offers-again')
  connection.offersRequested = true
  publishPending(ctx)
  send(ctx, encode(layouts.bare, MessageId.allOffersDelivered, {}))
  ctx.emit({ kind: 'offers-delivered' })
}

/**
 * Offers what the guest does not know yet and may know now, in an order that a next connection repeats, so that relids
 * stay the same over hibernation (OpenVMM: interface, order of offering, instance).
 */
export function publishPending(ctx: HostContext): void {
  if (!offersWanted(ctx.state.connection)) return
  const pending = [...ctx.state.channels.values()].filter(
    (channel) => !channel.reserved && (channel.phase === 'unoffered' || channel.phase === 'waiting'),
  )
  pending.sort(byOfferOrder)
  for (const channel of pending) publish(ctx, channel)
}

function byOfferOrder(a: ChannelState, b: ChannelState): number {
  if (a.interfaceId !== b.interfaceId) return a.interfaceId < b.interfaceId ? -1 : 1
  return a.device - b.device || a.subchannelIndex - b.subchannelIndex
}

function publish(ctx: HostContext, channel: ChannelState): void {
  const { state, options } = ctx
  const { connection } = state
  if (connection === null) return
  // A guest tells devices apart by their instance: the old one has to be gone first.
  for (const other of state.channels.values()) {
    if (!isRevoked(other) || other.instanceId !== channel.instanceId) continue
    channel.phase = 'waiting'
    return
  }
  channel.phase = 'unoffered'
  const limit = Math.min(
    options.maxChannels ?? MAX_RELID,
    connection.version < Version.v2_4 ? MAX_RELID_COMPAT : MAX_RELID,
  )
  const relid = lowestFree(new Set([...state.channels.values()].map((other) => other.relid)), 1, limit)
  if (relid === undefined) {
    options.diagnose?.({
      code: 'VMBUS_CHANNELS_EXHAUSTED',
      source: 'host-bus',
      message: `no relid left of ${limit}`,
      detail: { instanceId: channel.instanceId },
    })
    return
  }
  channel.relid = relid
  channel.phase = 'offered'
  channel.connectionId = connectionIdOf(relid)
  channel.monitorId = NO_MONITOR
  if (channel.monitorLatency > 0 && connection.childToParentMonitor !== 0) {
    channel.monitorId =
      lowestFree(new Set([...state.channels.values()].map((other) => other.monitorId)), 0, MONITOR_IDS - 1) ??
      NO_MONITOR
  }
  send(ctx, encodeOffer(channel, connection.features))
}

/** As OpenVMM numbers them: the channel, SINT 2 and VTL 0. */
export function connectionIdOf(relid: number): number {
  return relid | 0x2000
}

function encodeOffer(channel: ChannelState, features: number): Uint8Array {
  let { flags } = channel
  if ((features & Feature.confidentialChannels) === 0) flags &= ~CONFIDENTIAL
  if ((features & Feature.gpaPinning) === 0) flags &= ~REQUIRES_PINNING
  return encode(layouts.offerChannel, MessageId.offerChannel, {
    interfaceId: channel.interfaceId,
    instanceId: channel.instanceId,
    flags,
    mmioMegabytes: channel.mmioMegabytes,
    userDefined: channel.userDefined,
    subchannelIndex: channel.subchannelIndex,
    relid: channel.relid,
    monitorId: channel.monitorId,
    monitor: { allocated: channel.monitorId === NO_MONITOR ? 0 : 1 },
    interrupt: { dedicated: 1 },
    connectionId: channel.connectionId,
  })
}

function lowestFree(used: ReadonlySet<number>, from: number, to: number): number | undefined {
  for (let candidate = from; candidate <= to; candidate++) if (!used.has(candidate)) return candidate
  return undefined
}

/** Offers subchannels 1 … count that do not exist yet; they exist from 2.4 on. */
export function offerSubchannels(ctx: HostContext, device: number, count: number): void {
  const { state } = ctx
  const primary = [...state.channels.values()].find(
    (channel) => channel.device === device && channel.subchannelIndex === 0,
  )
  if (
    primary === undefined ||
    primary.phase !== 'open' ||
    state.connection === null ||
    state.connection.version < Version.v2_4
  )
    return
  const existing = new Set(subchannelsOf(ctx, device).map((channel) => channel.subchannelIndex))
  for (let index = 1; index <= count; index++) {
    if (existing.has(index)) continue
    const key = state.nextKey++
    const channel: ChannelState = {
      ...primary,
      key,
      subchannelIndex: index,
      phase: 'unoffered',
      relid: 0,
      monitorId: NO_MONITOR,
      connectionId: 0,
      request: null,
    }
    state.channels.set(key, channel)
    publish(ctx, channel)
  }
}

/**
 * Takes a channel back; its relid stays taken until the guest releases it. One that is open stays so until the guest
 * closes or releases it: what it has sent by then is owed an answer.
 */
export function revoke(ctx: HostContext, channel: ChannelState): void {
  if (isRevoked(channel)) return
  // Nobody tells the guest of a channel that it was not offered, or that it knows from a connection of before.
  const { connection, contacts } = ctx.state
  const isSecret =
    channel.reserved ||
    (isOpenReserved(channel) && (connection === null || channel.request?.reserved?.contact !== contacts))
  if (isSecret && channel.phase === 'open') close(ctx, channel)
  if (isSecret || (channel.phase !== 'offered' && channel.phase !== 'open')) {
    forgetGpadls(ctx, channel.relid)
    ctx.state.channels.delete(channel.key)
    return
  }
  channel.phase = channel.phase === 'open' ? 'revoked-open' : 'revoked'
  channelEvent(ctx, 'rescinded', channel)
  send(ctx, encode(layouts.rescindChannelOffer, MessageId.rescindChannelOffer, { relid: channel.relid }))
}

/** The guest is done with a channel. Subchannels live on their primary: they end with it. */
export function closeByGuest(ctx: HostContext, channel: ChannelState): void {
  const { device, subchannelIndex } = channel
  close(ctx, channel)
  if (subchannelIndex > 0) return
  for (const subchannel of subchannelsOf(ctx, device)) {
    if (isOpen(subchannel)) close(ctx, subchannel)
    revoke(ctx, subchannel)
  }
}

export function onRelidReleased(ctx: HostContext, payload: Uint8Array): void {
  const { relid } = layouts.relidReleased.parse(payload)
  const channel = channelOf(ctx, relid)
  if (channel === undefined || channel.reserved) return reject(ctx, 'release-channel', { relid })
  if (channel.phase === 'open') return reject(ctx, 'release-open', { relid })
  if (isOpen(channel)) closeByGuest(ctx, channel)
  channelEvent(ctx, 'released', channel)
  forgetGpadls(ctx, relid)
  if (isRevoked(channel) || channel.subchannelIndex > 0) ctx.state.channels.delete(channel.key)
  else {
    channel.phase = 'forgotten'
    channel.relid = 0
    channel.monitorId = NO_MONITOR
  }
  publishPending(ctx)
}
