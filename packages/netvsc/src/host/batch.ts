import { drain } from './queue.ts'
import { removeWhenIdle } from './removal.ts'
import { sendControls } from './rndis.ts'
import type { RndisControl } from './types.ts'

/** The end of a time in which frames collected: what waits for each channel leaves as one packet. */
export function endBatch(ctx: RndisControl): void {
  ctx.batching--
  if (ctx.batching > 0) return
  sendControls(ctx)
  for (const channel of ctx.channels) if (channel?.isOpen) drain(ctx, channel)
  removeWhenIdle(ctx)
}
