/** What this package throws when its owner (never the guest) asks for the impossible. */
export type PartitionErrorCode =
  /** A connection id has a port already. */
  | 'VMBUS_PORT_IN_USE'
  /** A port or partition option is outside its range. */
  | 'VMBUS_PARTITION_OPTION'
  /** Guest memory of a size or alignment that no guest can have. */
  | 'VMBUS_GUEST_MEMORY'
  /** A simulated guest's own instruction faulted (#GP or #UD). */
  | 'VMBUS_GUEST_FAULT'

export class PartitionError extends Error {
  readonly code: PartitionErrorCode
  constructor(code: PartitionErrorCode, message: string) {
    super(`${code}: ${message}`)
    this.name = 'PartitionError'
    this.code = code
  }
}
