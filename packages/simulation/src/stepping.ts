import { TICKS_PER_SECOND } from '@vmbus/world'
import { SimulationError } from './errors.ts'
import type { EventQueue } from './event-queue.ts'
import type { GuestCell } from './guest.ts'
import type { UntilOptions } from './types.ts'

const DEFAULT_SECONDS = 60
/** Steps between two looks at an AbortSignal. */
const CHUNK = 5_000

/** What happens in a world, and to whom. */
export interface Stepping {
  readonly queue: EventQueue
  readonly cells: Map<string, GuestCell>
  /** Owners of timers beside the guests. */
  readonly owners: Map<string, (name: string) => void>
  steps: number
  isDisposed: boolean
}

export function requireLive({ isDisposed }: Stepping): void {
  if (isDisposed) throw new SimulationError('VMBUS_SIMULATION_DISPOSED', 'the world was disposed of')
}

/** The next thing that is due by `until`; false when nothing is. */
export function stepBefore(ctx: Stepping, until: number): boolean {
  requireLive(ctx)
  const due = ctx.queue.take(until)
  if (due === undefined) return false
  ctx.steps++
  const fired = ctx.owners.get(due.owner)
  if (fired === undefined) ctx.cells.get(due.owner.slice(0, due.owner.lastIndexOf('/')))?.run(due)
  else if (due.kind === 'timer') fired(due.name)
  return true
}

/** Steps until `what` holds; rejects when it cannot any more, or not in time. */
export async function stepUntil(
  ctx: Stepping,
  what: () => boolean,
  ended: () => string | undefined,
  name: string,
  waiting: UntilOptions,
): Promise<void> {
  const { queue } = ctx
  const { seconds = DEFAULT_SECONDS, signal } = waiting
  const deadline = queue.clock.now() + seconds * TICKS_PER_SECOND
  for (let count = 1; !what(); count++) {
    signal?.throwIfAborted()
    const end = ended()
    if (end !== undefined) throw new SimulationError('VMBUS_SIMULATION_ENDED', `${name}: the guest is ${end}`)
    if (!stepBefore(ctx, deadline)) {
      const isIdle = queue.size === 0
      if (!isIdle) queue.advanceTo(deadline)
      throw isIdle
        ? new SimulationError('VMBUS_SIMULATION_IDLE', `${name}: nothing is left to happen`)
        : new SimulationError('VMBUS_SIMULATION_TIMEOUT', `${name}: not within ${seconds} s of virtual time`)
    }
    // Lets an abort be heard.
    if (count % CHUNK === 0) await new Promise<void>((resolve) => void setTimeout(resolve))
  }
}
