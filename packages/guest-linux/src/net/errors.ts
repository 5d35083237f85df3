/** Thrown for an interface that is not there, or that has no address. */
export class LinuxNetError extends Error {
  readonly code = 'VMBUS_LINUX_NET'
}
