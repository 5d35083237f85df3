import { Due } from '../channel/index.ts'
import { CoreError } from '../errors.ts'
import { MessageId, encode, layouts } from '../messages/index.ts'
import type { GuestChannel } from '../types.ts'
import { Version } from '../versions.ts'
import { channelByRelid, driverOf, reject, type GuestContext } from './context.ts'
import { createGpadl, teardownGpadl } from './gpadls.ts'
import { post } from './post.ts'
import { dropEnd, ringsReturned } from './rings.ts'
import type { GuestChannelState } from './state.ts'

type OpenOptions = Parameters<GuestChannel['open']>[0]

/** Rings, their GPADL, the headers in them, OPENCHANNEL: the order of Linux vmbus_open. */
function open(ctx: GuestContext, channel: GuestChannelState, options: OpenOptions): void {
  if (channel.phase !== 'offered' || channel.stale)
    throw new CoreError('VMBUS_CHANNEL_STATE', {
      field: 'state',
      value: channel.stale ? 'suspended' : channel.phase,
      allowed: 'offered',
    })
  const { outPages, inPages } = options
  if (!(outPages >= 2 && inPages >= 2))
    throw new CoreError('VMBUS_CHANNEL_STATE', {
      field: 'pages',
      value: Math.min(outPages, inPages),
      allowed: 'at least 2 for each ring',
    })
  const userData = new Uint8Array(120)
  if (options.userData !== undefined) userData.set(options.userData)
  const pfns = ctx.options.pages.allocate(outPages + inPages)
  const { state } = ctx
  const gpadl = createGpadl(ctx, channel, [{ byteOffset: 0, byteCount: pfns.length * 4096, pfns }], 'rings')
  const openId = ctx.behaviour.openId === 'relid' ? channel.offer.relid : state.nextOpenId++ >>> 0
  channel.phase = 'opening'
  channel.targetVp = options.targetVp ?? ctx.behaviour.connectVp
  channel.rings = {
    pfns,
    gpadl,
    downstreamOffset: outPages,
    openId,
    userData,
    maxPacket: options.maxPacket ?? 0,
    asked: false,
    failure: 0,
  }
}

export function onOpenResult(ctx: GuestContext, payload: Uint8Array): void {
  const { relid, openId, status } = layouts.openChannelResult.parse(payload)
  const channel = channelByRelid(ctx, relid)
  if (
    channel === undefined ||
    channel.phase !== 'opening' ||
    channel.rings?.asked !== true ||
    channel.rings.openId !== openId ||
    channel.rings.failure !== 0
  ) {
    return reject(ctx, 'opened-unknown', { relid, openId })
  }
  opened(ctx, channel, status)
}

export function opened(ctx: GuestContext, channel: GuestChannelState, status: number): void {
  const { rings } = channel
  if (rings === null) return
  if (status !== 0) {
    rings.failure = status
    dropEnd(ctx, channel)
    return tearRings(ctx, channel)
  }
  channel.phase = 'open'
  driverOf(ctx, channel)?.opened(ctx.handleOf(channel), 0)
  // What the host said before its answer arrived.
  signalled(ctx, channel)
}

/** The host signalled: there is room, or something to read. */
export function signalled(ctx: GuestContext, channel: GuestChannelState): void {
  const end = ctx.ends.get(channel.key)
  const driver = driverOf(ctx, channel)
  if (end === undefined || driver === undefined || channel.phase !== 'open') return
  const handle = ctx.handleOf(channel)
  const due = end.interrupted()
  if ((due & Due.writable) !== 0) driver.writable?.(handle)
  if ((due & Due.readable) !== 0 && channel.phase === 'open') driver.readable(handle)
  if (end.mustPoll) ctx.poll()
}

export function close(ctx: GuestContext, channel: GuestChannelState): void {
  if (channel.phase !== 'open')
    throw new CoreError('VMBUS_CHANNEL_STATE', { field: 'state', value: channel.phase, allowed: 'open' })
  channel.phase = 'closing'
  dropEnd(ctx, channel)
  post(ctx, encode(layouts.closeChannel, MessageId.closeChannel, { relid: channel.offer.relid }))
  tearRings(ctx, channel)
}

function tearRings(ctx: GuestContext, channel: GuestChannelState): void {
  const gpadl = ctx.state.gpadls.get(channel.rings?.gpadl ?? 0)
  if (gpadl === undefined) ringsReturned(ctx, channel)
  else teardownGpadl(ctx, channel, gpadl)
}

/** From 4.1; from 5.3 one at a time, because the host answers. */
function retarget(ctx: GuestContext, channel: GuestChannelState, vp: number): void {
  if (channel.phase !== 'open')
    throw new CoreError('VMBUS_CHANNEL_STATE', { field: 'state', value: channel.phase, allowed: 'open' })
  if (ctx.state.version < Version.v4_1) return
  if (channel.modifying) {
    channel.nextVp = vp
    return
  }
  channel.targetVp = vp >>> 0
  const end = ctx.ends.get(channel.key)
  if (end !== undefined) end.targetVp = channel.targetVp
  channel.modifying = ctx.state.version >= Version.v5_3
  post(
    ctx,
    encode(layouts.modifyChannel, MessageId.modifyChannel, { relid: channel.offer.relid, targetVp: channel.targetVp }),
  )
}

export function onModifyResult(ctx: GuestContext, payload: Uint8Array): void {
  const { relid, status } = layouts.modifyChannelResponse.parse(payload)
  const channel = channelByRelid(ctx, relid)
  if (channel === undefined || !channel.modifying) return reject(ctx, 'modified-unknown', { relid })
  modified(ctx, channel, status)
}

export function modified(ctx: GuestContext, channel: GuestChannelState, status: number): void {
  channel.modifying = false
  const next = channel.nextVp
  channel.nextVp = null
  driverOf(ctx, channel)?.modified?.(ctx.handleOf(channel), status)
  if (next !== null && channel.phase === 'open' && !channel.modifying) retarget(ctx, channel, next)
}

/** What a driver holds of a channel: all of its state is the bus's. */
export function channelHandle(ctx: GuestContext, channel: GuestChannelState): GuestChannel {
  const own = (id: number): ReturnType<GuestContext['state']['gpadls']['get']> => {
    const gpadl = ctx.state.gpadls.get(id)
    return gpadl?.channel === channel.key && gpadl.purpose === 'driver' ? gpadl : undefined
  }
  return {
    get offer() {
      return channel.offer
    },
    // Between a suspend and the next offer the host does not know the channel.
    get state() {
      return channel.stale ? 'rescinded' : channel.phase
    },
    get channel() {
      return channel.phase === 'open' ? ctx.ends.get(channel.key) : undefined
    },
    // The host may answer each message before it is posted: its interrupts wait until all of a call is noted.
    open: (options) => ctx.run(() => open(ctx, channel, options)),
    close: () => ctx.run(() => close(ctx, channel)),
    createGpadl: (ranges) => {
      if (channel.phase === 'rescinded' || channel.stale)
        throw new CoreError('VMBUS_CHANNEL_STATE', {
          field: 'state',
          value: channel.phase,
          allowed: 'offered, opening, open or closing',
        })
      return ctx.hold(() => createGpadl(ctx, channel, ranges, 'driver'))
    },
    teardownGpadl: (id) => {
      const gpadl = own(id)
      if (gpadl === undefined || gpadl.phase !== 'created')
        throw new CoreError('VMBUS_CHANNEL_STATE', {
          field: 'gpadl',
          value: id,
          allowed: 'a created GPADL of the channel',
        })
      ctx.run(() => teardownGpadl(ctx, channel, gpadl))
    },
    retarget: (vp) => ctx.run(() => retarget(ctx, channel, vp)),
  }
}
