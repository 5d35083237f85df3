import type { MachineContext, TimeContext } from './context.ts'
import { LONGEST_SLICE } from './machine-types.ts'

/** Brings the time up to the instructions that ran since the last look. */
export function advance(ctx: TimeContext): void {
  const { state } = ctx
  const counter = ctx.counter()
  const ran = (counter - state.lastCounter) >>> 0
  state.lastCounter = counter
  state.instructions += ran
  state.timeNs += ran * ctx.instructionNs
}

/** Reference time, 100 ns units. */
export const ticksOf = ({ state }: TimeContext): number => Math.floor(state.timeNs / 100)

/** Makes v86 leave its run of instructions, so that it looks at interrupts and time. */
export function kick(ctx: MachineContext): void {
  advance(ctx)
  ctx.state.lastCounter = ctx.views.bumpCounter(LONGEST_SLICE)
}
