/** A probe that is wrong itself: it reads what it does not declare, or uses what is not there. */
export class ProbeError extends Error {
  readonly code = 'VMBUS_MATRIX_PROBE'
}

/** The guest has used up the steps that a probe may take. */
export class GuestHung extends Error {
  readonly code = 'VMBUS_MATRIX_HUNG'
}
