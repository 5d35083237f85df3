import type { MachineContext } from './context.ts'
import { advance, kick } from './time.ts'

/** Raises an edge interrupt; it arrives after the delay that the seed gives. */
export function raise(ctx: MachineContext, vector: number): void {
  const { state, jitter, seed } = ctx
  advance(ctx)
  const delay = jitter.interruptNs > 0 ? seed.below(jitter.interruptNs, 'interrupt', state.interrupts) : 0
  state.interrupts++
  state.pending.push([vector & 0xff, state.timeNs + delay])
  kick(ctx)
}

/** Sets those that have arrived in the processor's local APIC. */
export function deliverPending({ state, views, cpu }: MachineContext): void {
  if (state.pending.length === 0) return
  const due = state.pending.filter(([, at]) => at <= state.timeNs)
  state.pending = state.pending.filter(([, at]) => at > state.timeNs)
  for (const [vector] of due) views.raise(cpu.get_apic_addr(), vector)
}
