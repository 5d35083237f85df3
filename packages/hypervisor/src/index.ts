export type {
  CpuidResult,
  CrashReport,
  EventPort,
  GuestMemory,
  HvStatus,
  MessagePort,
  Partition,
  PartitionFeatures,
  PartitionOptions,
} from './types.ts'
