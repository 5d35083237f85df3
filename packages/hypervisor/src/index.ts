export type {
  CpuidResult,
  CrashReport,
  EventPort,
  GuestMemory,
  HvStatus,
  LocalApics,
  MessagePort,
  Partition,
  PartitionFeatures,
  PartitionOptions,
} from './types.ts'
export { CPUID, DEFAULT_FEATURES, IMPLEMENTED } from './cpuid.ts'
export { PartitionError, type PartitionErrorCode } from './errors.ts'
export { HYPERCALL_UNDEFINED } from './hypercalls.ts'
export { guestMemory, type BufferOwner, type GuestMemoryOptions } from './memory.ts'
export { MSR } from './msrs/numbers.ts'
export { HYPERCALL_CODE_AMD, HYPERCALL_CODE_INTEL, MAX_VPS, createPartition } from './partition.ts'
export { HINT, MISC_FEATURE, PRIVILEGE, PRIVILEGE_HIGH } from './privileges.ts'
export { HV_STATUS, hvStatusName } from './status.ts'
export { MINIMUM_PERIOD } from './stimers.ts'
export { referenceTimeAt, tscScale } from './time.ts'
export {
  guestProcessor,
  referenceTimeFromPage,
  takeEventFlags,
  triggerMonitor,
  type GuestProcessor,
  type SynicPages,
} from './guest.ts'
export * from './protocol.ts'
