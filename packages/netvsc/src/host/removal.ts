import { Indication } from '../protocol/rndis.ts'
import { indicate } from './rndis.ts'
import { isServed } from './state.ts'
import type { RndisControl } from './types.ts'

/** How long a guest has to complete what it has. */
const DRAIN_TICKS = 10_000_000
const TIMER = 'remove'

/**
 * Takes the adapter away while it is in use: the guest is told that the cable is out, gets no more frames and gives back what
 * it has; then the device is withdrawn. Drivers look at no ring any more once it is (Linux vmbus_onoffer_rescind).
 */
export function remove(ctx: RndisControl): void {
  if (ctx.rescinded || ctx.removeAt !== Infinity) return
  ctx.removeAt = ctx.deps.clock.now() + DRAIN_TICKS
  armRemoval(ctx)
  indicate(ctx, Indication.mediaDisconnect)
  removeWhenIdle(ctx)
}

export function armRemoval({ removeAt, deps }: RndisControl): void {
  if (removeAt !== Infinity) deps.timers.set(TIMER, removeAt)
}

/** Withdraws the adapter once the guest has completed everything, or is gone. */
export function removeWhenIdle(ctx: RndisControl): void {
  const { connection, sections, removeAt } = ctx
  if (removeAt === Infinity || ctx.rescinded || ctx.batching > 0) return
  const waits = connection.controls.length > 0 || (sections !== undefined && !sections.idle)
  if (!isServed(ctx) || !waits) ctx.deps.rescind()
}
