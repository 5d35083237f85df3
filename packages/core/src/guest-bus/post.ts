import { HV_STATUS, MESSAGE_TYPE } from '@vmbus/hypervisor'
import { MessageId, messageEntry } from '../messages/index.ts'
import type { GuestContext } from './context.ts'

const TRANSIENT: ReadonlySet<number> = new Set([
  HV_STATUS.insufficientMemory,
  HV_STATUS.invalidConnectionId,
  HV_STATUS.insufficientBuffers,
])

/** Sends a channel message over the connection in force, after those that wait. A guest that leaves says UNLOAD, and no more. */
export function post(ctx: GuestContext, payload: Uint8Array): void {
  if (ctx.state.phase === 'unloading' && payload[0] !== MessageId.unload) return
  postOn(ctx, ctx.state.connection, payload)
}

export function postOn(ctx: GuestContext, connection: number, payload: Uint8Array): void {
  ctx.state.outgoing.push({ connection, payload })
  // A retry is under way: its timer sends them all.
  if (ctx.state.tries === 0) pump(ctx)
}

/** Posts in order until one has to wait for its next try. */
export function pump(ctx: GuestContext): void {
  const { state, behaviour, options } = ctx
  const processor = ctx.processors[behaviour.connectVp]
  if (processor === undefined) return
  state.postAt = 0
  for (let message = state.outgoing.shift(); message !== undefined; message = state.outgoing.shift()) {
    const status = processor.postMessage(state.pages.input, message.connection, MESSAGE_TYPE.vmbus, message.payload)
    if (
      status !== HV_STATUS.success &&
      isWorthRetrying(ctx, message.payload, status) &&
      state.tries + 1 < behaviour.post.tries
    ) {
      state.outgoing.unshift(message)
      const { delay, doublings, pauses } = behaviour.post
      const pause = pauses?.[state.tries] ?? delay * 2 ** Math.min(state.tries, doublings)
      state.postAt = options.clock.now() + pause
      options.timers.set('post', state.postAt)
      state.tries++
      return
    }
    state.tries = 0
    if (status !== HV_STATUS.success) ctx.lost(message.payload, status)
  }
}

/** A host without connection 4 does not speak 5.0: no reason to try the same again. */
function isWorthRetrying(ctx: GuestContext, payload: Uint8Array, status: number): boolean {
  if (status === HV_STATUS.invalidConnectionId && messageEntry(payload[0] ?? 0)?.name === 'initiateContact')
    return false
  return ctx.behaviour.post.anyStatus || TRANSIENT.has(status)
}

export function dropOutgoing(ctx: GuestContext): void {
  ctx.state.outgoing.length = 0
  ctx.state.tries = 0
  ctx.state.postAt = 0
  ctx.options.timers.clear('post')
}
