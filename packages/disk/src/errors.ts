/**
 * What a caller or an image did wrong.
 *
 * - `VMBUS_DISK_OPTION` an option is missing or out of its range
 * - `VMBUS_DISK_DAMAGED` a structure of the image is invalid; `structure` names it
 * - `VMBUS_DISK_UNSUPPORTED` the image is valid, but asks for what this package does not do
 * - `VMBUS_DISK_PARENT` the parent of a differencing image is missing or is not the one it was made from
 * - `VMBUS_DISK_LOCKED` another reader or writer holds the store
 * - `VMBUS_DISK_NO_LOCKS` the system or the file system cannot lock the file
 * - `VMBUS_DISK_READ_ONLY` a writer was asked for on a read-only store
 * - `VMBUS_DISK_STATE` a saved state does not belong to this device
 */
export type DiskErrorCode =
  | 'VMBUS_DISK_OPTION'
  | 'VMBUS_DISK_DAMAGED'
  | 'VMBUS_DISK_UNSUPPORTED'
  | 'VMBUS_DISK_PARENT'
  | 'VMBUS_DISK_LOCKED'
  | 'VMBUS_DISK_NO_LOCKS'
  | 'VMBUS_DISK_READ_ONLY'
  | 'VMBUS_DISK_STATE'

export type DiskErrorDetail = Readonly<Record<string, string | number>>

export class DiskError extends Error {
  override readonly name = 'DiskError'
  readonly code: DiskErrorCode
  /** The structure of the image that is at fault, by its name in the format's document. */
  readonly structure: string | undefined
  readonly detail: DiskErrorDetail

  constructor(code: DiskErrorCode, message: string, detail: DiskErrorDetail = {}, structure?: string) {
    super(message)
    this.code = code
    this.detail = detail
    this.structure = structure
  }
}

/** An image that must not be used: nothing has been written to it. */
export function damaged(structure: string, problem: string, detail: DiskErrorDetail = {}): DiskError {
  return new DiskError('VMBUS_DISK_DAMAGED', `${structure}: ${problem}`, detail, structure)
}

export function unsupported(structure: string, problem: string, detail: DiskErrorDetail = {}): DiskError {
  return new DiskError('VMBUS_DISK_UNSUPPORTED', `${structure}: ${problem}`, detail, structure)
}

export function badOption(message: string, detail: DiskErrorDetail = {}): DiskError {
  return new DiskError('VMBUS_DISK_OPTION', message, detail)
}

/**
 * What the store, or the system below it, could not do; `cause` is what it said.
 *
 * - `VMBUS_STORE_IO` a read, write, flush or change of size or name failed
 * - `VMBUS_STORE_NO_SPACE` there is no room for it
 * - `VMBUS_STORE_OPEN` a file is missing, is there already, is no regular file or may not be used
 *
 * Requests to block devices answer the first two with a status and throw none.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: 'VMBUS_STORE_IO' | 'VMBUS_STORE_NO_SPACE' | 'VMBUS_STORE_OPEN'

  constructor(code: StoreError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
