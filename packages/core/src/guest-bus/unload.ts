import { MessageId, encode, layouts } from '../messages/index.ts'
import { Version } from '../versions.ts'
import { close } from './channels.ts'
import { forgetRequests } from './connection.ts'
import { reject, type GuestContext } from './context.ts'
import { torndown } from './gpadls.ts'
import { end, release } from './offers.ts'
import { dropOutgoing, post } from './post.ts'
import { takeDown } from './synic.ts'

/** Says goodbye. The host answers from 1.1 on; without an answer the guest leaves after its timeout. */
export function unload(ctx: GuestContext): void {
  const { state } = ctx
  if (state.phase === 'off' || state.phase === 'unloading') return
  const connected = state.version !== 0
  // A suspend has said UNLOAD already: its answer, or its timeout, ends this too.
  if (state.unloadAt !== 0) {
    state.phase = 'unloading'
    return
  }
  dropOutgoing(ctx)
  state.phase = 'unloading'
  if (!connected || state.version < ctx.behaviour.unloadFrom) return unloaded(ctx)
  sendUnload(ctx)
}

function sendUnload(ctx: GuestContext): void {
  const { options, behaviour, state } = ctx
  state.unloadAt = options.clock.now() + behaviour.unloadTimeout
  options.timers.set('unload', state.unloadAt)
  const answered = state.version >= Version.v1_1
  post(ctx, encode(layouts.bare, MessageId.unload, {}))
  if (!answered) unloaded(ctx)
}

export function onUnloadResponse(ctx: GuestContext): void {
  if (ctx.state.unloadAt === 0) return reject(ctx, 'unloaded-unexpected')
  unloaded(ctx)
}

/** The host has let go: nothing of it is used any more. */
export function unloaded(ctx: GuestContext): void {
  const { state, options } = ctx
  options.timers.clear('unload')
  state.unloadAt = 0
  dropOutgoing(ctx)
  state.version = 0
  state.features = 0
  state.connection = 0
  state.monitor = 0
  forgetRequests(ctx)
  if (state.phase === 'suspending') {
    state.phase = 'suspended'
    // The host forgot what was granted to it; the pages are the drivers' again.
    for (const gpadl of state.gpadls.values()) torndown(ctx, gpadl)
    ctx.emit({ kind: 'suspended' })
    return
  }
  const channels = [...state.channels.values()].toSorted((a, b) => b.offer.subchannelIndex - a.offer.subchannelIndex)
  for (const channel of channels) end(ctx, channel)
  takeDown(ctx)
  state.phase = 'off'
  ctx.emit({ kind: 'unloaded' })
}

export function suspend(ctx: GuestContext): void {
  const { state } = ctx
  if (state.phase !== 'running') return
  state.phase = 'suspending'
  continueSuspend(ctx)
}

/** Closes what is open, waits for what is under way, drops subchannels, and unloads when only closed primaries are left. */
export function continueSuspend(ctx: GuestContext): void {
  const { state } = ctx
  if (state.phase !== 'suspending' || state.unloadAt !== 0) return
  const channels = [...state.channels.values()].toSorted((a, b) => b.offer.subchannelIndex - a.offer.subchannelIndex)
  for (const channel of channels) if (channel.phase === 'open') close(ctx, channel)
  if (channels.some((channel) => channel.phase !== 'offered')) return
  if ([...state.gpadls.values()].some((gpadl) => gpadl.phase !== 'created')) return
  for (const channel of channels) {
    if (channel.offer.subchannelIndex === 0) channel.stale = true
    else {
      end(ctx, channel)
      release(ctx, channel.offer.relid)
    }
  }
  sendUnload(ctx)
}
