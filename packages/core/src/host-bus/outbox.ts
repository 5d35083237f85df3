import { TICKS_PER_MS } from '@vmbus/world'
import { HV_STATUS, MESSAGE_TYPE, VMBUS_SINT } from '@vmbus/hypervisor'
import { clearTimer, reject, setTimer, type HostContext } from './context.ts'

/** While this many messages wait for the guest, it is told HV_STATUS_INSUFFICIENT_BUFFERS and tries again. */
export const OUTGOING_LIMIT = 512
const RETRY_TICKS = 10 * TICKS_PER_MS
/** 10 s without a SynIC that takes a message: the guest is gone. */
const RETRY_LIMIT = 1000

/** To the VP that the guest named at contact. Silent when nobody is connected. */
export function send(ctx: HostContext, payload: Uint8Array): void {
  const { connection } = ctx.state
  if (connection !== null) sendTo(ctx, connection.vp, VMBUS_SINT, payload)
}

export function sendTo(ctx: HostContext, vp: number, sint: number, payload: Uint8Array): void {
  ctx.state.outgoing.push({ vp, sint, payload })
  flush(ctx)
}

/** Hands over, in order, what the partition takes. */
export function flush(ctx: HostContext): void {
  const { state, options } = ctx
  const { outgoing } = state
  while (outgoing.length > 0 && !state.paused && state.connection?.paused !== true) {
    const message = outgoing[0]
    if (message === undefined) return
    // Taken out first: posting may run the guest, which may make the host post again.
    outgoing.shift()
    if (state.outgoingTries === 0)
      options.trace?.({
        kind: 'message',
        to: 'guest',
        vp: message.vp,
        connection: message.sint,
        bytes: message.payload,
      })
    const status = options.partition.postMessage(message.vp, message.sint, MESSAGE_TYPE.vmbus, message.payload)
    if (
      status === HV_STATUS.insufficientBuffers ||
      (status === HV_STATUS.invalidSynicState && state.outgoingTries < RETRY_LIMIT)
    ) {
      outgoing.unshift(message)
      state.outgoingTries++
      setTimer(ctx, 'flush', options.clock.now() + RETRY_TICKS)
      return
    }
    state.outgoingTries = 0
    if (status !== 0) reject(ctx, 'target', { vp: message.vp, sint: message.sint, status })
  }
}

/** Forgets what the guest of this connection has not taken yet. */
export function dropOutgoing(ctx: HostContext): void {
  const { state, options } = ctx
  state.outgoing.length = 0
  state.outgoingTries = 0
  clearTimer(ctx, 'flush')
  if (state.connection !== null) options.partition.dropMessages(state.connection.vp, VMBUS_SINT)
}
