import { outcomeOf, type GuestEnd } from '@vmbus/machine-v86'
import type { Outcome } from '@vmbus/report'

/** The kernel ended while a probe was asking it. */
export class GuestEnded extends Error {
  readonly code = 'VMBUS_MATRIX_GUEST_ENDED'
  readonly end: GuestEnd

  constructor(end: GuestEnd, line = '') {
    super(`the guest ended: ${end}${line === '' ? '' : ` (${line})`}`)
    this.end = end
  }
}

/** One that powers off where nobody asked it to has ended all the same. */
export function outcomeOfEnd({ end }: GuestEnded): Outcome {
  const outcome = outcomeOf(end)
  return outcome === 'works' ? 'fails' : outcome
}
