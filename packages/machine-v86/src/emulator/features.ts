import type { ImposedFeatures } from '../host.ts'

/** v86's TSC_RATE (src/rust/cpu/cpu.rs) and APIC_TIMER_FREQ (src/rust/cpu/apic.rs), both per millisecond there. */
const TSC_FREQUENCY = 1_000_000_000
const APIC_FREQUENCY = 1_000_000_000
/** CPUID 0x40000004 EAX bit 9: do not use auto-EOI. */
const DEPRECATE_AUTO_EOI = 1 << 9

export const IMPOSED_FEATURES: ImposedFeatures = {
  tscFrequency: TSC_FREQUENCY,
  apicFrequency: APIC_FREQUENCY,
  requiredHints: DEPRECATE_AUTO_EOI,
  tscOrigin: 0n,
}
