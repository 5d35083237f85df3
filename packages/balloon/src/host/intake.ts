import { dmHeader } from '../protocol.ts'
import { drop, type HostContext } from './context.ts'
import { GUEST_MESSAGES } from './guest-messages.ts'

function receive(ctx: HostContext, payload: Uint8Array): void {
  if (payload.length < dmHeader.size) return drop(ctx, 'message-short', 'message shorter than its header')
  const { type, size } = dmHeader.parse(payload)
  const message = GUEST_MESSAGES[type]
  if (message === undefined) return drop(ctx, 'message-type', `message of type ${type}`)
  if (size < message.minimum || size > payload.length)
    return drop(ctx, 'message-size', `message of type ${type} with size ${size}`)
  message.handle(ctx, payload.subarray(0, size))
}

/** A guest that does not read its replies is not read either, or the list of them would grow without bound. */
const isHeldBack = ({ state: { outbox, phase } }: HostContext): boolean =>
  outbox.length > 0 && (phase === 'version' || phase === 'capabilities')

function read(ctx: HostContext): void {
  const from = ctx.channel
  while (from !== undefined && ctx.channel === from && !isHeldBack(ctx)) {
    const packet = from.receive()
    if (packet === undefined) return
    receive(ctx, packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength))
  }
}

/**
 * Does `act`, then reads what there is. The guest may run before a send returns (README of @vmbus/hypervisor): what it says
 * meanwhile is read by the turn under way, when it is done.
 */
export function turn(ctx: HostContext, act: () => void): void {
  if (ctx.busy) return act()
  ctx.busy = true
  try {
    act()
    while (ctx.state.unread) {
      ctx.state.unread = false
      read(ctx)
    }
  } finally {
    ctx.busy = false
  }
}

/** The guest signalled, or there is reason to look. */
export function readable(ctx: HostContext): void {
  ctx.state.unread = true
  turn(ctx, () => {})
}

/** Does what the owner asks for. What the guest replies is read from a timer: no operation ends within the call that starts it. */
export function call<T>(ctx: HostContext, act: () => T): T {
  if (ctx.busy) return act()
  ctx.busy = true
  try {
    return act()
  } finally {
    ctx.busy = false
    if (ctx.state.unread) ctx.deps.timers.set('unread', ctx.deps.clock.now())
  }
}
