import type { GuestChannel } from '@vmbus/core'
import { endQueue, readable } from './incoming.ts'
import { orNoMemory } from './memory.ts'
import { DEFAULT_RING_PAGES, MAX_PACKET } from './options.ts'
import { drainOutgoing } from './outgoing.ts'
import { drainCompletions } from './receive.ts'
import { beginSetup } from './setup.ts'
import { newGuestQueue } from './state.ts'
import { subchannelOffered, subchannelOpened } from './subchannels.ts'
import { abandon, advance, fail, giveUp } from './teardown.ts'
import type { GuestContext } from './types.ts'

export function offered(ctx: GuestContext, channel: GuestChannel): void {
  if (channel.offer.subchannelIndex > 0) return subchannelOffered(ctx, channel)
  ctx.channels = [channel]
  open(ctx)
}

export function start(ctx: GuestContext): void {
  if (ctx.state.phase === 'stopped' || ctx.state.phase === 'failed') open(ctx)
}

/** Opens the adapter again, if it was closed for that. */
export function reopen(ctx: GuestContext): void {
  const { state } = ctx
  if (state.phase !== 'stopped' || !state.restart) return
  state.restart = false
  open(ctx)
}

function open(ctx: GuestContext): void {
  const [primary] = ctx.channels
  if (primary?.state !== 'offered') return
  ctx.state.phase = 'opening'
  ctx.state.failure = ''
  const pages = ctx.options.ringPages ?? DEFAULT_RING_PAGES
  const rings = { outPages: pages, inPages: pages, maxPacket: MAX_PACKET }
  if (!orNoMemory(() => primary.open(rings) === undefined)) notOpened(ctx, 'the guest has no memory for its rings')
}

function notOpened({ state, deps }: GuestContext, why: string): void {
  state.phase = 'failed'
  state.failure = why
  deps.event('failed', why)
}

export function opened(ctx: GuestContext, channel: GuestChannel, status: number): void {
  const { state } = ctx
  const index = channel.offer.subchannelIndex
  if (index === 0 && status !== 0) return notOpened(ctx, `the channel does not open: status ${status}`)
  if (status === 0) state.queues[index] = newGuestQueue()
  else fail(ctx, `subchannel ${index} does not open: status ${status}`)
  if (state.phase === 'stopping') advance(ctx)
  else if (index === 0) return beginSetup(ctx)
  if (index > 0) subchannelOpened(ctx)
}

export function writable(ctx: GuestContext, channel: GuestChannel): void {
  const index = channel.offer.subchannelIndex
  if (!ctx.state.queues[index]) return
  if (drainCompletions(ctx, channel)) drainOutgoing(ctx, index)
  readable(ctx, channel)
  advance(ctx)
}

export function closed(ctx: GuestContext, channel: GuestChannel): void {
  const { state } = ctx
  const index = channel.offer.subchannelIndex
  if (state.queues[index]) state.queues[index] = null
  // A suspend closes without being asked, also while a teardown waits; the adapter comes back with the next offer.
  if (index === 0 && (state.phase !== 'stopping' || state.step !== 'close')) {
    state.restart = false
    abandon(ctx)
  }
  advance(ctx)
  reopen(ctx)
}

export function rescinded(ctx: GuestContext, channel: GuestChannel): void {
  const index = channel.offer.subchannelIndex
  ctx.channels[index] = undefined
  if (index > 0) {
    endQueue(ctx, index)
    return advance(ctx)
  }
  abandon(ctx)
  ctx.channels = []
  ctx.deps.event('removed')
}

export function timedOut(ctx: GuestContext, name: string): void {
  if (name !== 'answer') return
  ctx.state.answerAt = Infinity
  if (ctx.state.phase === 'stopping') giveUp(ctx)
  else fail(ctx, `the host does not answer: ${ctx.state.step}`)
}
