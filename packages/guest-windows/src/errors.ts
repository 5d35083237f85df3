export type WindowsErrorCode =
  | 'VMBUS_WINDOWS_PACKAGE'
  | 'VMBUS_WINDOWS_GENERATION'
  | 'VMBUS_WINDOWS_SERVICE'
  | 'VMBUS_WINDOWS_NET'
  | 'VMBUS_WINDOWS_DISK'

/** Thrown for what a release or its surface does not have; the code says which. */
export class WindowsError extends Error {
  readonly code: WindowsErrorCode
  constructor(code: WindowsErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
