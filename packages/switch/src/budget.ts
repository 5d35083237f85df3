import { TICKS_PER_MS, type Clock } from '@vmbus/world'

/** What a budget has given at the last instant that it was asked at. Plain, for saved states. */
export interface BudgetState {
  readonly at: number
  readonly given: number
}

/**
 * Bounds what is done at one instant of virtual time, so that those who answer each other without delay cannot hold time
 * still: what is beyond waits for a millisecond. No wire carries as much in 100 ns.
 */
export interface Budget {
  /** Gives for one more thing, or false when nothing more is to be done before `opensAt`. */
  take(): boolean
  /** The time before which nothing more is given; 0 when something is. */
  opensAt(): number
  save(): BudgetState
  load(state: BudgetState): void
}

const MOST_PER_INSTANT = 4096
const PAUSE = TICKS_PER_MS

export function createBudget(clock: Clock): Budget {
  let at = 0
  let given = 0
  const opensAt = (): number => (given < MOST_PER_INSTANT ? 0 : at + PAUSE)
  return {
    take() {
      const now = clock.now()
      if (now < opensAt()) return false
      if (at !== now) {
        at = now
        given = 0
      }
      given++
      return true
    },
    opensAt,
    save: () => ({ at, given }),
    load(state) {
      at = state.at
      given = state.given
    },
  }
}
