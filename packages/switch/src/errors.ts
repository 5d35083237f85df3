/**
 * A call that the switch or a peer cannot carry out: `VMBUS_SWITCH_OPTION` (an option's value), `VMBUS_SWITCH_STATE`
 * (a saved state that does not fit), `VMBUS_PEER_OPTION`, `VMBUS_PEER_STATE`, `VMBUS_PEER_CLOSED` (the socket is
 * gone), `VMBUS_PEER_IN_USE` (the port is taken) or `VMBUS_PEER_FULL` (too many sockets).
 */
export class SwitchError extends Error {
  override readonly name = 'SwitchError'
  readonly code: SwitchErrorCode
  readonly field: string
  readonly value: string | number
  readonly allowed: string

  constructor(code: SwitchErrorCode, field: string, value: string | number, allowed: string) {
    super(`${field} is ${value}; allowed: ${allowed}`)
    this.code = code
    this.field = field
    this.value = value
    this.allowed = allowed
  }
}

export type SwitchErrorCode =
  | 'VMBUS_SWITCH_OPTION'
  | 'VMBUS_SWITCH_STATE'
  | 'VMBUS_PEER_OPTION'
  | 'VMBUS_PEER_STATE'
  | 'VMBUS_PEER_CLOSED'
  | 'VMBUS_PEER_IN_USE'
  | 'VMBUS_PEER_FULL'
