import { ANSWER_TICKS, DRAIN_TICKS } from './options.ts'
import { underWay } from './sent-packets.ts'
import type { Control } from './types.ts'

/** Bounds the wait for an answer; a driver that stops begins it anew with each completion. */
export function awaitAnswer({ state, deps }: Control): void {
  state.answerAt = deps.clock.now() + (state.phase === 'stopping' ? DRAIN_TICKS : ANSWER_TICKS)
  deps.timers.set('answer', state.answerAt)
}

/** An answer came: the wait ends, unless the adapter is up and others are still due. */
export function answerCame(ctx: Control): void {
  const { state, deps } = ctx
  if (state.answerAt === Infinity) return
  state.answerAt = Infinity
  deps.timers.clear('answer')
  if (state.phase !== 'ready') return
  if (state.control.current !== null || underWay(ctx, ({ kind }) => kind === 'request') > 0) awaitAnswer(ctx)
}
