/** CPUID 0x40000003 EAX: what the guest may do, low half (TLFS HV_PARTITION_PRIVILEGE_MASK; wire/01 §1). */
export const PRIVILEGE = {
  vpRuntime: 1 << 0,
  referenceCounter: 1 << 1,
  synic: 1 << 2,
  syntheticTimers: 1 << 3,
  apic: 1 << 4,
  hypercall: 1 << 5,
  vpIndex: 1 << 6,
  reset: 1 << 7,
  statistics: 1 << 8,
  referenceTsc: 1 << 9,
  guestIdle: 1 << 10,
  frequency: 1 << 11,
  debug: 1 << 12,
  reenlightenment: 1 << 13,
  tscInvariant: 1 << 15,
} as const

/** CPUID 0x40000003 EBX: the high half, of which VMBus needs two. */
export const PRIVILEGE_HIGH = {
  postMessages: 1 << 4,
  signalEvents: 1 << 5,
} as const

/** CPUID 0x40000003 EDX: further features. */
export const MISC_FEATURE = {
  guestIdle: 1 << 5,
  frequency: 1 << 8,
  crash: 1 << 10,
  directTimers: 1 << 19,
} as const

/** CPUID 0x40000004 EAX: what the host recommends. */
export const HINT = {
  apicMsrs: 1 << 3,
  resetMsr: 1 << 4,
  relaxedTiming: 1 << 5,
  deprecateAutoEoi: 1 << 9,
  exProcessorMasks: 1 << 11,
  noNonArchitecturalCoreSharing: 1 << 18,
} as const
