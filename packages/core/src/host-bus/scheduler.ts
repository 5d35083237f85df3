import { TICKS_PER_MS } from '@vmbus/world'
import { Due } from '../channel/index.ts'
import { isRescinded, retire, setTimer, type HostContext, type HostEnd } from './context.ts'
import { dispatch } from './dispatch.ts'
import { revoke } from './offers.ts'
import { flush } from './outbox.ts'
import { pollMonitor } from './signals.ts'

const POLL_TICKS = TICKS_PER_MS

/**
 * Runs what waits, in the order guest messages, removals, doorbells, timers. Whatever runs here may cause more: the guest
 * may answer from within an interrupt. That only adds to the queues.
 */
export function settle(ctx: HostContext): void {
  exclusively(ctx, () => {
    while (step(ctx));
  })
}

function exclusively(ctx: HostContext, work: () => void): void {
  if (ctx.busy) return
  ctx.busy = true
  try {
    work()
  } finally {
    ctx.busy = false
  }
}

function step(ctx: HostContext): boolean {
  const { state, options } = ctx
  if (state.paused) return false
  const message = state.incoming.shift()
  if (message !== undefined) {
    const { vp, connection, payload } = message
    options.trace?.({ kind: 'message', to: 'host', vp, connection, bytes: payload })
    dispatch(ctx, message)
    return true
  }
  if (takeRescinds(ctx)) return true
  const key = state.doorbells.take()
  if (key !== undefined) {
    ring(ctx, key)
    return true
  }
  const name = state.dueTimers.shift()
  if (name === undefined) return false
  fire(ctx, name)
  return true
}

function ring(ctx: HostContext, key: number): void {
  const channel = ctx.state.channels.get(key)
  const end = ctx.ends.get(key)
  const live = channel && ctx.devices.get(channel.device)
  if (end === undefined || live === undefined) return
  const due = end.ring.interrupted()
  if ((due & Due.writable) !== 0) live.device.writable?.(end.ring)
  if ((due & Due.readable) !== 0 && end.ring.isOpen) live.device.readable(end.ring)
  pollIfNeeded(ctx, end)
}

/** A guest that does not know pending_send_size does not say when there is room: the host looks. */
function pollIfNeeded(ctx: HostContext, end: HostEnd): void {
  if (end.ring.mustPoll && ctx.state.timers.poll === undefined)
    setTimer(ctx, 'poll', ctx.options.clock.now() + POLL_TICKS)
}

function fire(ctx: HostContext, name: string): void {
  if (name === 'flush') return flush(ctx)
  if (name === 'monitor') return pollMonitor(ctx)
  if (name === 'doorbells') return
  if (name === 'poll') {
    for (const [key, end] of ctx.ends) if (end.ring.mustPoll) ctx.state.doorbells.add(key)
    return
  }
  const [, key, rest] = /^device\/(\d+)\/(.*)$/s.exec(name) ?? []
  if (key === undefined || rest === undefined) return
  ctx.devices.get(Number(key))?.device.timer?.(rest)
  for (const [channel, end] of ctx.ends)
    if (ctx.state.channels.get(channel)?.device === Number(key)) pollIfNeeded(ctx, end)
}

function remove(ctx: HostContext, key: number): void {
  const { state } = ctx
  const channels = [...state.channels.values()]
    .filter((channel) => channel.device === key)
    .toSorted((a, b) => b.subchannelIndex - a.subchannelIndex)
  // What the guest sent before, and what the device ends now, is answered before the guest hears of the removal:
  // Linux looks at no ring any more once it has (drivers/hv/channel_mgmt.c, vmbus_onoffer_rescind).
  if (!state.paused) for (const channel of channels) ring(ctx, channel.key)
  ctx.devices.get(key)?.device.rescinded?.()
  for (const channel of channels) revoke(ctx, channel)
  retire(ctx, key)
}

/** Rescinds now, or after what is running: a device may ask from within its own callback. */
export function rescind(ctx: HostContext, key: number): void {
  if (isRescinded(ctx, key) || ctx.state.rescinds.includes(key)) return
  ctx.state.rescinds.push(key)
  exclusively(ctx, () => takeRescinds(ctx))
  settle(ctx)
}

/** A removal is the owner's own doing: it does not wait for the end of a pause, only its message does. */
function takeRescinds(ctx: HostContext): boolean {
  const removal = ctx.state.rescinds.shift()
  if (removal === undefined) return false
  remove(ctx, removal)
  return true
}
