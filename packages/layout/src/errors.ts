/** What went wrong: see the README, "Errors". */
export type LayoutErrorCode =
  | 'VMBUS_LAYOUT_DEFINITION'
  | 'VMBUS_LAYOUT_SHORT'
  | 'VMBUS_LAYOUT_RANGE'
  | 'VMBUS_LAYOUT_UNSAFE'

export interface LayoutErrorDetail {
  /** Path of the field (`vmbus_channel_open_channel.header.msgtype`), or the layout's name. */
  readonly field: string
  readonly value: unknown
  /** What would have been accepted, in words. */
  readonly allowed: string
}

/** The only error of this package. Test `code`, not the class, where two copies of the package may meet. */
export class LayoutError extends Error {
  override readonly name = 'LayoutError'
  readonly code: LayoutErrorCode
  readonly field: string
  readonly value: unknown
  readonly allowed: string

  constructor(code: LayoutErrorCode, detail: LayoutErrorDetail) {
    super(`${code}: ${detail.field} is ${describe(detail.value)}, allowed: ${detail.allowed}`)
    this.code = code
    this.field = detail.field
    this.value = detail.value
    this.allowed = detail.allowed
  }
}

function describe(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'string')
    return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}…` : JSON.stringify(value)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}

/** A layout that cannot be: a mistake of the program, found when the module loads. */
export function badDefinition(field: string, value: unknown, allowed: string): LayoutError {
  return new LayoutError('VMBUS_LAYOUT_DEFINITION', { field, value, allowed })
}
