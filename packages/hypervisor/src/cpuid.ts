import { HINT, MISC_FEATURE, PRIVILEGE, PRIVILEGE_HIGH } from './privileges.ts'
import type { CpuidResult, PartitionFeatures } from './types.ts'

/** Hypervisor CPUID leaves (TLFS "Hypervisor CPUID Leaves"; Linux arch/x86/include/asm/hyperv-tlfs.h, HYPERV_CPUID_*). */
export const CPUID = {
  vendorAndMaximum: 0x4000_0000,
  interface: 0x4000_0001,
  version: 0x4000_0002,
  features: 0x4000_0003,
  recommendations: 0x4000_0004,
  limits: 0x4000_0005,
  hardwareFeatures: 0x4000_0006,
} as const

const RANGE_END = 0x4000_ffff
const HYPERVISOR_PRESENT = 0x8000_0000

/** "Micr", "osof", "t Hv" and "Hv#1" as little-endian words. */
const VENDOR = [0x7263_694d, 0x666f_736f, 0x7648_2074] as const
const INTERFACE_SIGNATURE = 0x3123_7648

/** Leaf 4 EBX: never notify the hypervisor of a long spin. */
const NEVER_NOTIFY = 0xffff_ffff

/**
 * What this partition can keep its word on. A profile's wider masks are cut down to these, because a guest that is
 * offered a hypercall or register and then refused it hangs or panics.
 */
export const IMPLEMENTED = {
  privilegesLow:
    PRIVILEGE.vpRuntime |
    PRIVILEGE.referenceCounter |
    PRIVILEGE.synic |
    PRIVILEGE.syntheticTimers |
    PRIVILEGE.apic |
    PRIVILEGE.hypercall |
    PRIVILEGE.vpIndex |
    PRIVILEGE.reset |
    PRIVILEGE.referenceTsc |
    PRIVILEGE.guestIdle |
    PRIVILEGE.frequency |
    PRIVILEGE.reenlightenment |
    PRIVILEGE.tscInvariant,
  privilegesHigh: PRIVILEGE_HIGH.postMessages | PRIVILEGE_HIGH.signalEvents,
  misc: MISC_FEATURE.guestIdle | MISC_FEATURE.frequency | MISC_FEATURE.crash | MISC_FEATURE.directTimers,
  hints:
    HINT.apicMsrs |
    HINT.resetMsr |
    HINT.relaxedTiming |
    HINT.deprecateAutoEoi |
    HINT.exProcessorMasks |
    HINT.noNonArchitecturalCoreSharing,
} as const

/**
 * The features of a partition whose owner says nothing: all that is implemented, as build 20348 (Windows Server 2022).
 * The frequencies are those of a machine without a TSC of its own: 1 GHz, and the 200 MHz APIC of Hyper-V.
 */
export const DEFAULT_FEATURES: PartitionFeatures = {
  version: { major: 10, minor: 0, build: 20348, servicePack: 0, serviceNumber: 0, serviceBranch: 0 },
  privilegesLow: IMPLEMENTED.privilegesLow,
  privilegesHigh: IMPLEMENTED.privilegesHigh,
  misc: IMPLEMENTED.misc,
  hints: HINT.relaxedTiming | HINT.deprecateAutoEoi,
  maxVps: 2048,
  maxLogicalProcessors: 2048,
  tscFrequency: 1_000_000_000,
  apicFrequency: 200_000_000,
}

/** The owner's features over the defaults, cut to what can be kept. */
export function effectiveFeatures(wanted: Partial<PartitionFeatures> = {}, hasApics: boolean): PartitionFeatures {
  const merged = { ...DEFAULT_FEATURES, ...wanted }
  const withoutApic = hasApics ? 0 : PRIVILEGE.apic
  return {
    ...merged,
    privilegesLow: merged.privilegesLow & IMPLEMENTED.privilegesLow & ~withoutApic,
    privilegesHigh: merged.privilegesHigh & IMPLEMENTED.privilegesHigh,
    misc: merged.misc & IMPLEMENTED.misc,
    hints: merged.hints & IMPLEMENTED.hints & (hasApics ? ~0 : ~HINT.apicMsrs),
  }
}

/** Answers leaf 1 (one bit is added to the machine's answer) and the hypervisor's range; false for any other leaf. */
export function cpuidLeaf(features: PartitionFeatures, leaf: number, out: CpuidResult): boolean {
  if (leaf === 1) {
    out.ecx = (out.ecx | HYPERVISOR_PRESENT) >>> 0
    return true
  }
  if (leaf < CPUID.vendorAndMaximum || leaf > RANGE_END) return false
  switch (leaf) {
    case CPUID.vendorAndMaximum:
      return fill(out, CPUID.hardwareFeatures, VENDOR[0], VENDOR[1], VENDOR[2])
    case CPUID.interface:
      return fill(out, INTERFACE_SIGNATURE, 0, 0, 0)
    case CPUID.version: {
      const { build, major, minor, servicePack, serviceBranch, serviceNumber } = features.version
      return fill(
        out,
        build,
        (major << 16) | (minor & 0xffff),
        servicePack,
        (serviceBranch << 24) | (serviceNumber & 0xff_ffff),
      )
    }
    case CPUID.features:
      return fill(out, features.privilegesLow, features.privilegesHigh, 0, features.misc)
    case CPUID.recommendations:
      return fill(out, features.hints, NEVER_NOTIFY, 0, 0)
    case CPUID.limits:
      return fill(out, features.maxVps, features.maxLogicalProcessors, 0, 0)
    default:
      return fill(out, 0, 0, 0, 0)
  }
}

function fill(out: CpuidResult, eax: number, ebx: number, ecx: number, edx: number): true {
  out.eax = eax >>> 0
  out.ebx = ebx >>> 0
  out.ecx = ecx >>> 0
  out.edx = edx >>> 0
  return true
}
