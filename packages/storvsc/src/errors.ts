export type StorvscErrorCode =
  /** An address, a disk or another option that no controller can have. */
  | 'VMBUS_STORVSC_OPTIONS'
  /** A LUN that is there already, or one that is not there. */
  | 'VMBUS_STORVSC_LUN'
  /** A saved state that this controller cannot take over. */
  | 'VMBUS_STORVSC_STATE'
  /** A request that no driver could put on the wire. */
  | 'VMBUS_STORVSC_REQUEST'

/** `field` is what was wrong, `value` what was given, `allowed` what would do. */
export class StorvscError extends Error {
  override readonly name = 'StorvscError'
  readonly code: StorvscErrorCode
  readonly field: string
  readonly value: unknown
  readonly allowed: string

  constructor(code: StorvscErrorCode, field: string, value: unknown, allowed: string) {
    super(`${field}: ${String(value)}, allowed: ${allowed}`)
    this.code = code
    this.field = field
    this.value = value
    this.allowed = allowed
  }
}
