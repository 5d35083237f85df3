import { ANSWER_TICKS, DRAIN_TICKS } from './options.ts'
import { underWay } from './sent-packets.ts'
import type { Control } from './types.ts'

/** Waits no longer than a host may take; on the way out only for one that still completes something. */
export function awaitAnswer({ state, deps }: Control): void {
  state.answerAt = deps.clock.now() + (state.phase === 'stopping' ? DRAIN_TICKS : ANSWER_TICKS)
  deps.timers.set('answer', state.answerAt)
}

/** One of the answers is there; while the adapter is up others may still be waited for. */
export function answerCame(ctx: Control): void {
  const { state, deps } = ctx
  if (state.answerAt === Infinity) return
  state.answerAt = Infinity
  deps.timers.clear('answer')
  if (state.phase !== 'ready') return
  if (state.control.current !== null || underWay(ctx, ({ kind }) => kind === 'request') > 0) awaitAnswer(ctx)
}
