import type { GuestChannel } from '@vmbus/core'
import { plainCopy, type StateForm } from '@vmbus/world'
import { Operation, PACKET_BYTES_V1, controllerKindOf, ideAddress } from '../protocol/index.ts'
import type { GuestContext } from './context.ts'
import { abort, dispatch, drop, featuresOf, reportEnded } from './requests.ts'
import type { SavedGuest } from './saved.ts'
import { forgetUnit, stop } from './scan.ts'
import { begin, fail } from './setup.ts'
import { ID_HIGH, RESET_LOW } from './wire.ts'

/** Packets that a host may send: 16 bytes of descriptor and 64 (Linux STORVSC_MAX_PKT_SIZE). */
const MAX_PACKET = 80
const USER_DATA = new Uint8Array(24)

function identify(ctx: GuestContext, { offer }: GuestChannel): void {
  ctx.kind = controllerKindOf(offer.interfaceId)
  if (ctx.kind === 'ide') ctx.ideTarget = ideAddress(offer.instanceId).target
}

export function offered(ctx: GuestContext, channel: GuestChannel): void {
  const { behaviour, deps } = ctx
  const index = channel.offer.subchannelIndex
  identify(ctx, channel)
  ctx.channels.set(index, channel)
  if (index === 0) ctx.state.phase = 'opening'
  channel.open({
    outPages: behaviour.ringPages,
    inPages: behaviour.ringPages,
    userData: USER_DATA,
    targetVp: index % deps.vps,
    maxPacket: MAX_PACKET,
  })
}

export function opened(ctx: GuestContext, channel: GuestChannel, status: number): void {
  if (channel.offer.subchannelIndex > 0) {
    if (status === 0) dispatch(ctx)
    return
  }
  if (status === 0) begin(ctx)
  else fail(ctx, 'open', status)
}

/** Everything that hangs on the channels ends; the driver can begin again. */
function end(ctx: GuestContext, outcome: 'aborted' | 'gone'): void {
  const { state, deps } = ctx
  state.phase = outcome === 'gone' ? 'gone' : 'idle'
  state.version = 0
  state.unsent = false
  state.resetting = false
  state.deadline = Infinity
  deps.timers.clear('setup')
  // A command of the search ends with the rest, or is dropped here, and takes its page with it.
  abort(ctx, undefined, outcome)
  if (outcome === 'gone') drop(ctx, outcome)
  else state.queue = state.queue.filter((request) => !request.own)
  stop(ctx)
}

export function closed(ctx: GuestContext, channel: GuestChannel): void {
  const index = channel.offer.subchannelIndex
  ctx.channels.delete(index)
  if (index === 0) end(ctx, 'aborted')
  else abort(ctx, index, 'aborted')
}

export function rescinded(ctx: GuestContext, channel: GuestChannel): void {
  const index = channel.offer.subchannelIndex
  ctx.channels.delete(index)
  if (index > 0) {
    abort(ctx, index, 'aborted')
    return dispatch(ctx)
  }
  end(ctx, 'gone')
  reportEnded(ctx)
  for (const disk of ctx.state.disks) forgetUnit(ctx, disk)
}

export function timer(ctx: GuestContext, name: string): void {
  if (name === 'ended') reportEnded(ctx)
  else if (name === 'setup' && ctx.state.deadline !== Infinity) {
    fail(ctx, 'timeout', 0)
    const primary = ctx.channels.get(0)
    if (primary?.state === 'open') primary.close()
  }
}

/** RESET_BUS, one at a time. */
export function reset(ctx: GuestContext): void {
  const { state } = ctx
  const channel = ctx.channels.get(0)?.channel
  if (state.resetting || state.phase !== 'ready' || channel === undefined) return
  const bytes = featuresOf(ctx)?.packetBytes ?? PACKET_BYTES_V1
  state.resetting = true
  const isSent = channel.sendInBand(ctx.packets.control(Operation.resetBus, bytes), RESET_LOW, ID_HIGH, true)
  if (!isSent) state.resetting = false
}

export const saved = (ctx: GuestContext, { head }: StateForm<SavedGuest>): unknown =>
  plainCopy({ ...ctx.state, ...head, requests: ctx.requests.save() })

export function restored(ctx: GuestContext, saved: SavedGuest, channels: readonly GuestChannel[]): void {
  const { requests, ...state } = saved
  const { timers, clock } = ctx.deps
  ctx.requests.restore(requests)
  ctx.state = state
  ctx.channels.clear()
  for (const channel of channels) {
    identify(ctx, channel)
    ctx.channels.set(channel.offer.subchannelIndex, channel)
  }
  if (state.deadline !== Infinity) timers.set('setup', state.deadline)
  if (state.ended.length > 0 || state.unread) timers.set('ended', clock.now())
}
