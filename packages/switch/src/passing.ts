import type { Timers } from '@vmbus/world'
import type { Budget } from './budget.ts'
import { arrive, capture, cross, drop, schedule } from './deliver.ts'
import { forward, type Forwarder } from './forwarding.ts'
import type { Frame } from './frame.ts'
import { ingressDrop } from './ingress-check.ts'
import type { PortRecord } from './port.ts'
import type { Transit } from './schedule.ts'

/** The only timer of a switch. */
export const TIMER = 'deliver'

/** What decides when a frame goes. */
export interface SwitchContext extends Forwarder {
  readonly timers: Timers
  /** Of frames that are passed: those beyond wait for the timer. */
  readonly budget: Budget
  /** Frames are being passed: what is sent meanwhile follows. */
  busy: boolean
  /** The time that the timer is set to. */
  armedAt: number
}

/** A port's owner sends a frame; false when it is dropped at once. */
export function send(ctx: SwitchContext, port: PortRecord, frame: Frame): boolean {
  if (!port.connected) return false
  const reason = ingressDrop(port, frame)
  if (reason !== undefined) return drop(ctx, port, reason)
  port.statistics.framesSent++
  port.statistics.bytesSent += frame.bytes.length
  capture(ctx, port, 'inbound', frame)
  const now = ctx.clock.now()
  // What is already due goes first, so that no frame overtakes another.
  if (!port.impaired && !ctx.busy && ctx.schedule.next() > now && ctx.budget.take()) return run(ctx, port, frame)
  const taken = port.impaired ? cross(ctx, port, true, frame) : schedule(ctx, port, true, now, frame)
  if (!ctx.busy) run(ctx)
  return taken
}

/** Forwards a frame, if given, then passes what is due; ends with the timer set for what is not. */
export function run(ctx: SwitchContext, port?: PortRecord, frame?: Frame): boolean {
  const now = ctx.clock.now()
  ctx.busy = true
  try {
    const done = port === undefined || frame === undefined || forward(ctx, port, frame)
    while (ctx.schedule.next() <= now && ctx.budget.take()) {
      const transit = ctx.schedule.take()
      if (transit !== undefined) pass(ctx, transit)
    }
    return done
  } finally {
    ctx.busy = false
    arm(ctx)
  }
}

function pass(ctx: SwitchContext, { port: index, inbound, frame }: Transit): void {
  const port = ctx.ports[index]
  if (port === undefined) return
  if (inbound) forward(ctx, port, frame)
  else if (port.up) arrive(ctx, port, frame)
  else drop(ctx, port, 'down')
}

export function arm(ctx: SwitchContext): void {
  const next = Math.max(ctx.schedule.next(), ctx.budget.opensAt())
  if (next === ctx.armedAt) return
  ctx.armedAt = next
  if (next < Infinity) ctx.timers.set(TIMER, next)
  else ctx.timers.clear(TIMER)
}
