import { unixMsOf, type Diagnose, type Seed } from '@vmbus/world'
import type { TimeContext } from './context.ts'
import type { Ambient } from './emulator-types.ts'
import { advance } from './time.ts'

/** Virtual nanoseconds of one reading of a clock: keeps time strictly increasing inside one run of instructions. */
const CLOCK_READ_NS = 200

/** The machine's time and its seed, as v86's clocks and chance. */
export function ambientOf(ctx: TimeContext, seed: Seed, epoch: bigint, diagnose: Diagnose | undefined): Ambient {
  const { state } = ctx
  return {
    now() {
      // v86 extrapolates its TSC when it reads one time twice; one nanosecond on, a save stores what a restore computes.
      if (state.frozen) return (state.timeNs + 1) / 1e6
      advance(ctx)
      state.clockReads++
      state.timeNs += CLOCK_READ_NS
      return state.timeNs / 1e6
    },
    unixMs: () => unixMsOf(epoch) + Math.floor(state.timeNs / 1e6),
    random: () => seed.u32('random', state.randomDraws++) | 0,
    log: (text) => diagnose?.({ code: 'VMBUS_V86_LOG', source: 'v86', message: text }),
  }
}
