import { TICKS_PER_SECOND } from '@vmbus/world'
import type { Stage } from '../../probes/stage.ts'
import type { RealContext } from './context.ts'
import { ticks } from './shell.ts'

/** Pauses between two looks of a wait, in seconds: a look that asks the guest costs more than a second of its idle time. */
const FIRST_PAUSE = 0.02
const LONGEST_PAUSE = 0.5
const PAUSE_GROWTH = 1.6

/** What waits for the guest, or for its host, between two looks. */
function pump({ life, wire, snapshot }: RealContext): void {
  if (life.session.end !== undefined) return
  wire.pump()
  if (!life.pending.snapshot) return
  life.pending.snapshot = false
  const taken = snapshot()
  if (taken !== 'later') life.own.device('vss')?.snapshotDone(taken)
}

export const realWaits = (ctx: RealContext): Pick<Stage, 'run' | 'until'> => ({
  async run(seconds) {
    await Promise.resolve()
    pump(ctx)
    ctx.shell.pass(seconds)
    pump(ctx)
  },
  async until(what, seconds = 60) {
    await Promise.resolve()
    const { shell } = ctx
    const deadline = shell.now + ticks(seconds)
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE)) {
      pump(ctx)
      if (what()) return true
      const left = (deadline - shell.now) / TICKS_PER_SECOND
      if (left <= 0 || ctx.life.session.end !== undefined) return false
      shell.pass(Math.min(pause, left))
    }
  },
})
