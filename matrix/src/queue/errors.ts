/** What keeps a queue from being used. */
export type QueueErrorCode = 'VMBUS_QUEUE_MISSING' | 'VMBUS_QUEUE_REDIS' | 'VMBUS_QUEUE_VERSION' | 'VMBUS_QUEUE_IDLE'

/** The Redis of a queue, or who else is at it, is not what a run or a worker needs. */
export class QueueError extends Error {
  override readonly name = 'QueueError'
  readonly code: QueueErrorCode

  constructor(code: QueueErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
  }
}
