/** Thrown for an interface that is not there, that has no address, or that cannot do what it is asked for. */
export class LinuxNetError extends Error {
  readonly code = 'VMBUS_LINUX_NET'
}
