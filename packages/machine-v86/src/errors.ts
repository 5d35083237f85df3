/** Codes of everything that this package throws; the text after the code is for people. */
export type MachineErrorCode =
  /** The optional dependency v86 is not installed. */
  | 'VMBUS_V86_MISSING'
  /** v86 is there, but not in a build that the CPU hooks were proven on, or the hooks do not fit it. */
  | 'VMBUS_V86_UNSUPPORTED'
  /** The CPUID self-check did not pass through the hook. */
  | 'VMBUS_V86_SELF_CHECK'
  | 'VMBUS_IMAGE_MISSING'
  | 'VMBUS_IMAGE_TRUNCATED'
  | 'VMBUS_IMAGE_DIGEST'
  | 'VMBUS_IMAGE_NOT_A_KERNEL'
  | 'VMBUS_IMAGE_FORMAT'
  | 'VMBUS_IMAGE_UNAVAILABLE'
  | 'VMBUS_IMAGE_NO_MODULE'
  /** The folder of images cannot be written, or another process holds it for too long. */
  | 'VMBUS_IMAGE_CACHE'
  | 'VMBUS_MACHINE_OPTIONS'
  | 'VMBUS_MACHINE_STOPPED'
  | 'VMBUS_MACHINE_ENDED'
  | 'VMBUS_MACHINE_TIMEOUT'
  | 'VMBUS_MACHINE_SNAPSHOT'
  | 'VMBUS_MACHINE_HOST'
  | 'VMBUS_MACHINE_EXEC'

/** What went wrong, with a stable code and the values that matter. */
export class MachineError extends Error {
  override readonly name = 'MachineError'
  readonly code: MachineErrorCode
  readonly detail: Readonly<Record<string, string | number | boolean>>

  constructor(
    code: MachineErrorCode,
    message: string,
    detail: Readonly<Record<string, string | number | boolean>> = {},
    cause?: unknown,
  ) {
    super(`${code}: ${message}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.detail = detail
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What everything that an abort cuts short rejects with: VMBUS_MACHINE_STOPPED, its cause the signal's reason. */
export function abortedBy(signal: AbortSignal): MachineError {
  return new MachineError('VMBUS_MACHINE_STOPPED', 'the machine was aborted', {}, signal.reason)
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedBy(signal)
}
