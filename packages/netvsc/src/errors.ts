export type NetvscErrorCode = 'VMBUS_NETVSC_OPTION' | 'VMBUS_NETVSC_STATE'

export interface NetvscErrorDetail {
  readonly field: string
  readonly value: string | number
  readonly allowed: string
}

/** A mistake of the owner. What a peer does wrong goes to `diagnose`. */
export class NetvscError extends Error {
  override readonly name = 'NetvscError'
  readonly code: NetvscErrorCode
  readonly field: string
  readonly value: string | number
  readonly allowed: string
  constructor(code: NetvscErrorCode, { field, value, allowed }: NetvscErrorDetail) {
    super(`${code}: ${field} is ${value}, allowed: ${allowed}`)
    this.code = code
    this.field = field
    this.value = value
    this.allowed = allowed
  }
}
