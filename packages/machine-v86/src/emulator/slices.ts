import { timerQueue, type Timers } from '@vmbus/world'
import type { MachineContext } from './context.ts'
import { deliverPending } from './interrupts.ts'
import { LONGEST_SLICE } from './machine-types.ts'
import { advance, kick, ticksOf } from './time.ts'

/** A queue of timers in the machine's time: one that is due within the running slice cuts it short. */
export function timers(ctx: MachineContext, fire: (name: string, at: number) => void): Timers {
  const queue = timerQueue(fire)
  ctx.queues.push(queue)
  return {
    clear: (name) => queue.clear(name),
    set(name, at) {
      queue.set(name, at)
      if (at * 100 < ctx.state.sliceEndNs) kick(ctx)
    },
  }
}

/** Does what is due now. */
export function runDue(ctx: MachineContext): void {
  const at = ticksOf(ctx)
  for (const queue of ctx.queues) queue.run(at)
  deliverPending(ctx)
}

/** When a timer or an interrupt of ours is due next. */
export function nextEventNs({ queues, state }: MachineContext): number {
  let next = Infinity
  for (const queue of queues) next = Math.min(next, queue.next() * 100)
  for (const [, at] of state.pending) next = Math.min(next, at)
  return next
}

/** v86 has left a run of instructions and looks at its devices. */
export function endSlice(ctx: MachineContext): void {
  const { state, jitter, seed } = ctx
  advance(ctx)
  state.slices++
  if (jitter.stealNs > 0) state.timeNs += seed.below(jitter.stealNs, 'steal', state.slices)
  runDue(ctx)
}

/** The next look is due at the next event, ours or v86's own timer in `idleMs`. */
export function planSlice(ctx: MachineContext, idleMs: number): void {
  const { state, jitter, seed, instructionNs, views } = ctx
  const untilNs = Math.min(nextEventNs(ctx) - state.timeNs, idleMs * 1e6)
  const cut = jitter.sliceInstructions > 0 ? seed.below(jitter.sliceInstructions, 'slice', state.slices) : 0
  const slice = Math.max(1, Math.min(LONGEST_SLICE - cut, Math.ceil(untilNs / instructionNs)))
  views.setSlice(slice)
  state.sliceEndNs = state.timeNs + slice * instructionNs
}
