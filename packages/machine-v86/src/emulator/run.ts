import type { MachineContext } from './context.ts'
import type { MachineEnd } from './machine-types.ts'
import { nextEventNs, runDue } from './slices.ts'
import { advance, kick, ticksOf } from './time.ts'

export function end(ctx: MachineContext, how: MachineEnd): void {
  ctx.state.ended ??= how
  kick(ctx)
}

/** Runs until reference time `until`, the machine's end, or `budget` calls of v86. */
export function run(ctx: MachineContext, until: number, budget: number): MachineEnd | 'running' {
  const { state } = ctx
  for (let left = budget; left > 0 && state.ended === undefined; left--) {
    advance(ctx)
    if (ticksOf(ctx) >= until) break
    const idleMs = runInstructions(ctx)
    advance(ctx)
    if (state.ended === undefined && idleMs > 0) {
      const wake = Math.min(state.timeNs + Math.max(idleMs, 0.001) * 1e6, nextEventNs(ctx), until * 100)
      state.timeNs = Math.max(state.timeNs, wake)
    }
    runDue(ctx)
  }
  return state.ended ?? 'running'
}

/**
 * v86's own code traps (a WebAssembly RuntimeError) where a real processor would shut down: a fault while delivering a
 * double fault, or an instruction that it does not know. Returns for how many milliseconds the processor idles.
 */
function runInstructions(ctx: MachineContext): number {
  try {
    const idleMs = ctx.cpu.main_loop()
    if (ctx.views.dead) end(ctx, 'dead')
    return idleMs
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'RuntimeError') throw error
    ctx.diagnose?.({ code: 'VMBUS_V86_TRAP', source: 'v86', message: error.message })
    end(ctx, 'triple-fault')
    return 0
  }
}
