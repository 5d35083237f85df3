/** Thrown for a request that the disk could never serve; `code` is `VMBUS_LINUX_DISK`. */
export class LinuxDiskError extends Error {
  override readonly name = 'LinuxDiskError'
  readonly code = 'VMBUS_LINUX_DISK'
  readonly field: string
  readonly value: unknown
  readonly allowed: string

  constructor(field: string, value: unknown, allowed: string) {
    super(`${field}: ${String(value)}, allowed: ${allowed}`)
    this.field = field
    this.value = value
    this.allowed = allowed
  }
}
