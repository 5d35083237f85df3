export type SimulationErrorCode =
  | 'VMBUS_SIMULATION_OPTION'
  | 'VMBUS_SIMULATION_STATE'
  | 'VMBUS_SIMULATION_TIMEOUT'
  | 'VMBUS_SIMULATION_IDLE'
  | 'VMBUS_SIMULATION_ENDED'
  | 'VMBUS_SIMULATION_DISPOSED'
  | 'VMBUS_REPLAY_INVALID'

/** What a world throws. The message names what was asked and what stood in the way. */
export class SimulationError extends Error {
  readonly code: SimulationErrorCode

  constructor(code: SimulationErrorCode, message: string) {
    super(`${code}: ${message}`)
    this.name = 'SimulationError'
    this.code = code
  }
}
