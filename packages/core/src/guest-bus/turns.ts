import { MESSAGE_TYPE } from '@vmbus/hypervisor'
import { signalled } from './channels.ts'
import { channelByRelid, reject, type GuestContext } from './context.ts'
import { dispatch } from './dispatch.ts'
import { service } from './synic.ts'
import { continueSuspend } from './unload.ts'

const PAYLOAD = 16

export function wakeAt({ state, options }: GuestContext, at: number): void {
  state.dueAt = at
  options.timers.set('due', at)
}

/** Does one thing at a time; an interrupt that a hypercall within it causes waits until it is done. */
export function run(ctx: GuestContext, work: () => void): void {
  if (ctx.busy) return work()
  ctx.busy = true
  try {
    work()
    do continueSuspend(ctx)
    while (next(ctx))
  } finally {
    ctx.busy = false
  }
}

/** Nobody waits here for the interrupts: a timer that is due at once takes them, unless the owner's next call does. */
export function hold<T>(ctx: GuestContext, work: () => T): T {
  if (ctx.busy) return work()
  ctx.busy = true
  try {
    return work()
  } finally {
    ctx.busy = false
    if (!ctx.state.interrupts.isEmpty) wakeAt(ctx, ctx.options.clock.now())
  }
}

/** The next waiting interrupt, else the next channel whose driver is due. */
function next(ctx: GuestContext): boolean {
  const { interrupts, due, channels } = ctx.state
  const vp = interrupts.take()
  if (vp !== undefined) {
    serve(ctx, vp)
    return true
  }
  const key = due.take()
  if (key === undefined) return false
  const channel = channels.get(key)
  if (channel !== undefined) signalled(ctx, channel)
  return true
}

function serve(ctx: GuestContext, vp: number): void {
  const { slot } = ctx
  const isMessage = service(ctx, vp, slot, (relid) => {
    const channel = channelByRelid(ctx, relid)
    if (channel?.phase === 'open' || channel?.phase === 'opening') signalled(ctx, channel)
    else reject(ctx, 'signal-unknown', { relid })
  })
  if (!isMessage) return
  const header = new DataView(slot.buffer)
  const type = header.getUint32(0, true)
  // A copy, which ends with the slot: handling it may take the next one.
  if (type === MESSAGE_TYPE.vmbus) dispatch(ctx, slot.slice(PAYLOAD, PAYLOAD + header.getUint8(4)))
  else reject(ctx, 'message-type', { type })
}
