/** What went wrong; the README lists each. */
export type CoreErrorCode =
  | 'VMBUS_BUS_OPTIONS'
  | 'VMBUS_CHANNEL_STATE'
  | 'VMBUS_GPADL_INVALID'
  | 'VMBUS_GUEST_MEMORY'
  | 'VMBUS_OFFER_INVALID'
  | 'VMBUS_PACKET_INVALID'
  | 'VMBUS_RING_INVALID'

export interface CoreErrorDetail {
  readonly field: string
  readonly value: string | number
  readonly allowed: string
}

/** A misuse by the program, never by the peer. Test `code`, not the class, where two copies of the package may meet. */
export class CoreError extends Error {
  override readonly name = 'CoreError'
  readonly code: CoreErrorCode
  readonly field: string
  readonly value: string | number
  readonly allowed: string

  constructor(code: CoreErrorCode, detail: CoreErrorDetail) {
    super(`${code}: ${detail.field} is ${detail.value}, allowed: ${detail.allowed}`)
    this.code = code
    this.field = detail.field
    this.value = detail.value
    this.allowed = detail.allowed
  }
}
