import { HV_STATUS, MESSAGE_TYPE, VMBUS_SINT } from '@vmbus/hypervisor'
import { clearTimer, reject, type HostContext } from './context.ts'
import type { OutgoingMessage } from './state.ts'

/** SINTs of a VP. */
const SINTS = 16
/** Targets are numbered: SINT `target % 16` of VP `target / 16`. */
export const targetOf = (vp: number, sint: number): number => vp * SINTS + sint

/** To the VP that the guest named at contact. Silent when nobody is connected. */
export function send(ctx: HostContext, payload: Uint8Array): void {
  const { connection } = ctx.state
  if (connection !== null) sendTo(ctx, connection.vp, VMBUS_SINT, payload)
}

/**
 * To a SINT of the guest's choice. Messages of one SINT stay in order and wait for it for as long as it takes: a guest
 * that masks it, or that has no room, gets them once it unmasks it. `lasting`: it is no business of the connection, and
 * outlives it.
 */
export function sendTo(ctx: HostContext, vp: number, sint: number, payload: Uint8Array, lasting = false): void {
  const { partition } = ctx.options
  if (!(vp < partition.vps && sint < SINTS)) return reject(ctx, 'target', { vp, sint })
  const { outgoing } = ctx.state
  const target = targetOf(vp, sint)
  const queue = outgoing.get(target) ?? []
  outgoing.set(target, queue)
  queue.push({ payload, lasting, traced: false })
  flushTarget(ctx, target)
}

/** Hands over, in order, what the SINT takes. */
function flushTarget(ctx: HostContext, target: number): void {
  const { state, options } = ctx
  const { partition } = options
  const [vp, sint] = [Math.floor(target / SINTS), target % SINTS]
  const isPaused = (): boolean =>
    state.paused || (state.connection?.paused === true && target === targetOf(state.connection.vp, VMBUS_SINT))
  while (!isPaused() && partition.sintReady(vp, sint)) {
    const queue = state.outgoing.get(target)
    const message = queue?.shift()
    if (queue === undefined || message === undefined) return
    if (queue.length === 0) state.outgoing.delete(target)
    // Posting may run the guest, which may make the host post again: the message is out of the queue by then.
    trace(ctx, vp, sint, message)
    if (partition.postMessage(vp, sint, MESSAGE_TYPE.vmbus, message.payload) === HV_STATUS.success) continue
    // No room in the partition either; nothing has run meanwhile. The guest's next EOM makes room.
    state.outgoing.set(target, [message, ...(state.outgoing.get(target) ?? [])])
    return
  }
}

function trace({ options }: HostContext, vp: number, sint: number, message: OutgoingMessage): void {
  if (!message.traced) options.trace?.({ kind: 'message', to: 'guest', vp, connection: sint, bytes: message.payload })
  message.traced = true
}

export function flush(ctx: HostContext): void {
  for (const target of ctx.state.outgoing.keys()) flushTarget(ctx, target)
}

/** A SINT of the VP takes messages and signals again, or has room for more. */
export function flushVp(ctx: HostContext, vp: number): void {
  for (let sint = 0; ctx.state.outgoing.size > 0 && sint < SINTS; sint++) flushTarget(ctx, targetOf(vp, sint))
}

/** Messages that wait for the guest to take them. */
export function waiting(ctx: HostContext): number {
  let count = 0
  for (const queue of ctx.state.outgoing.values()) count += queue.length
  return count
}

/** Takes back the answers to earlier contacts that the SINT has not taken yet: the guest asks anew. */
export function dropWaiting(ctx: HostContext, vp: number, sint: number, type: number): void {
  keep(ctx, targetOf(vp, sint), ({ payload }) => payload[0] !== type)
}

/** Forgets what the guest of this connection has not taken yet; in a reset, whatever waits. */
export function dropOutgoing(ctx: HostContext, everything: boolean): void {
  const { state, options } = ctx
  for (const target of state.outgoing.keys()) keep(ctx, target, ({ lasting }) => lasting && !everything)
  if (state.outgoing.size === 0) clearTimer(ctx, 'flush')
  if (state.connection !== null) options.partition.dropMessages(state.connection.vp, VMBUS_SINT)
}

function keep({ state }: HostContext, target: number, wanted: (message: OutgoingMessage) => boolean): void {
  const kept = state.outgoing.get(target)?.filter(wanted) ?? []
  if (kept.length > 0) state.outgoing.set(target, kept)
  else state.outgoing.delete(target)
}
