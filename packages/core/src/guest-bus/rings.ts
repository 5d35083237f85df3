import { triggerMonitor, type GuestMemory } from '@vmbus/hypervisor'
import { createGrant, openEnd } from '../channel-end.ts'
import { MessageId, encode, layouts } from '../messages/index.ts'
import { ConnectionId, Feature, Version } from '../versions.ts'
import { driverOf, type GuestContext } from './context.ts'
import { post } from './post.ts'
import type { GuestChannelState, GuestRings } from './state.ts'

/** 2 KiB into the interrupt page begins the guest→host half. */
const SEND_HALF = 2048
const CHOSEN_SIGNALS = Feature.guestSpecifiedSignalParameters | Feature.channelInterruptRedirection

/** The GPADL of the rings exists, or does not. */
export function ringsGranted(ctx: GuestContext, channel: GuestChannelState, status: number): void {
  const { rings } = channel
  if (rings === null || channel.phase !== 'opening') return
  if (status !== 0) {
    rings.failure = status
    return ringsReturned(ctx, channel)
  }
  makeEnd(ctx, channel, rings)
  rings.asked = true
  post(ctx, openMessage(ctx, channel, rings))
}

function openMessage(ctx: GuestContext, channel: GuestChannelState, rings: GuestRings): Uint8Array {
  const { relid, connectionId } = channel.offer
  const { openId, downstreamOffset, userData } = rings
  const fields = { relid, openId, ringGpadl: rings.gpadl, targetVp: channel.targetVp, downstreamOffset, userData }
  if ((ctx.state.features & CHOSEN_SIGNALS) === 0) return encode(layouts.openChannel, MessageId.openChannel, fields)
  return encode(layouts.openChannelV6, MessageId.openChannel, { ...fields, connectionId, eventFlag: relid })
}

/** The guest's end of the rings; without a saved state their headers are initialised. */
export function makeEnd(ctx: GuestContext, channel: GuestChannelState, rings: GuestRings, saved?: unknown): void {
  const { partition, trace, diagnose } = ctx.options
  const { key } = channel
  const end = openEnd({
    memory: partition.memory,
    offer: channel.offer,
    role: 'guest',
    pfns: rings.pfns,
    downstreamOffset: rings.downstreamOffset,
    targetVp: channel.targetVp,
    userData: rings.userData,
    maxPacket: rings.maxPacket,
    featureBits: ctx.behaviour.featureBits,
    signal: () => signalHost(ctx, channel),
    due: () => ctx.due(key),
    gpadl: (id) => {
      const gpadl = ctx.state.gpadls.get(id)
      return gpadl === undefined || gpadl.channel !== key ? undefined : createGrant(partition.memory, id, gpadl.ranges)
    },
    saved,
    trace,
    diagnose,
  })
  ctx.ends.set(key, end)
}

/** A monitored channel costs no hypercall; an undedicated one sets its bit of the interrupt page first. */
function signalHost(ctx: GuestContext, channel: GuestChannelState): void {
  const { state, options } = ctx
  const { offer } = channel
  const { memory } = options.partition
  const legacy = state.version < Version.v1_1
  if ((legacy || !offer.dedicatedInterrupt || offer.monitorAllocated) && state.pages.interrupt !== 0)
    setSendBit(memory, state.pages.interrupt, offer.relid)
  if (offer.monitorAllocated && offer.monitorId < 128 && state.monitor !== 0)
    return triggerMonitor(memory, state.monitor, offer.monitorId)
  ctx.processors[ctx.behaviour.connectVp]?.signalEvent(legacy ? ConnectionId.events : offer.connectionId)
}

function setSendBit(memory: GuestMemory, page: number, relid: number): void {
  Atomics.or(memory.words, (page + SEND_HALF) / 4 + (relid >>> 5), 1 << (relid & 31))
}

/** The host no longer uses the rings' pages: the only sign that a close, or a failed open, is over. */
export function ringsReturned(ctx: GuestContext, channel: GuestChannelState): void {
  const { rings, phase } = channel
  if (rings === null) return
  dropEnd(ctx, channel)
  channel.rings = null
  channel.phase = 'offered'
  channel.modifying = false
  channel.nextVp = null
  ctx.options.pages.free(rings.pfns)
  const handle = ctx.handleOf(channel)
  if (phase === 'closing') driverOf(ctx, channel)?.closed?.(handle)
  else driverOf(ctx, channel)?.opened(handle, rings.failure)
}

/** Nothing is read or written any more. */
export function dropEnd(ctx: GuestContext, channel: GuestChannelState): void {
  ctx.ends.get(channel.key)?.close()
  ctx.ends.delete(channel.key)
}
