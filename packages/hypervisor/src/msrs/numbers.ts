/** Synthetic MSR numbers (TLFS "Synthetic MSRs"; Linux arch/x86/include/asm/hyperv-tlfs.h, HV_X64_MSR_*). */
export const MSR = {
  guestOsId: 0x4000_0000,
  hypercall: 0x4000_0001,
  vpIndex: 0x4000_0002,
  reset: 0x4000_0003,
  vpRuntime: 0x4000_0010,
  timeReferenceCount: 0x4000_0020,
  referenceTsc: 0x4000_0021,
  tscFrequency: 0x4000_0022,
  apicFrequency: 0x4000_0023,
  eoi: 0x4000_0070,
  icr: 0x4000_0071,
  tpr: 0x4000_0072,
  vpAssistPage: 0x4000_0073,
  scontrol: 0x4000_0080,
  sversion: 0x4000_0081,
  siefp: 0x4000_0082,
  simp: 0x4000_0083,
  eom: 0x4000_0084,
  /** SINTn is at sint0 + n, n = 0…15. */
  sint0: 0x4000_0090,
  /** STIMERn_CONFIG is at stimer0Config + 2n, n = 0…3. */
  stimer0Config: 0x4000_00b0,
  /** STIMERn_COUNT is at stimer0Count + 2n. */
  stimer0Count: 0x4000_00b1,
  guestIdle: 0x4000_00f0,
  /** CRASH_P0…P4 are at crashP0 + n. */
  crashP0: 0x4000_0100,
  crashControl: 0x4000_0105,
  reenlightenmentControl: 0x4000_0106,
  tscEmulationControl: 0x4000_0107,
  tscEmulationStatus: 0x4000_0108,
  tscInvariantControl: 0x4000_0118,
} as const
