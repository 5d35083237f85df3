/**
 * A call that the switch or a peer cannot carry out: `VMBUS_SWITCH_OPTION` (a name that is taken, a
 * value that does not go with the others), `VMBUS_PEER_OPTION` (an address, a port, a datagram that is too long),
 * `VMBUS_PEER_CLOSED` (the socket is gone), `VMBUS_PEER_IN_USE` (the port is taken) or `VMBUS_PEER_FULL` (too many
 * sockets). Names and values of options, and saved states, are `OptionsError` and `StateError` of @vmbus/world.
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
  | 'VMBUS_PEER_OPTION'
  | 'VMBUS_PEER_CLOSED'
  | 'VMBUS_PEER_IN_USE'
  | 'VMBUS_PEER_FULL'
