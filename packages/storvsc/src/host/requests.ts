import type { PageRange } from '@vmbus/core'
import type { Reply } from './completions.ts'
import type { Failure, Step, StepStatus } from './outcome.ts'

/** A request that waits for its disk, as plain data. */
export interface Pending extends Reply {
  readonly slot: number
  /** Index of the channel that it came over and is answered on. */
  readonly channel: number
  /** Address of its logical unit. */
  readonly key: number
  readonly range: PageRange | null
  readonly transferred: number
  /** Steps that the disk's queue had no room for yet. */
  steps: Step[]
  /** Steps that the queue has. */
  outstanding: number
  /** The first step that failed decides; a miscompare says nothing beside an error of the disk, which it may come from. */
  status: StepStatus
}

/** A request that is over but for its completion, which waits for room in the ring. */
export interface Finished extends Reply {
  readonly channel: number
  readonly result: number | Failure
}

export interface RequestsState {
  nextSlot: number
  pending: Pending[]
  finished: Finished[]
}

export const noRequests = (): RequestsState => ({ nextSlot: 1, pending: [], finished: [] })

/** Slots are never used twice while a queue may still remember them. */
export function takeSlot(state: RequestsState): number {
  const slot = state.nextSlot
  state.nextSlot = slot === 0x7fff_ffff ? 1 : slot + 1
  return slot
}
