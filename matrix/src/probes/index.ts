import { kvpProbe } from './kvp.ts'
import type { Probe } from './probe.ts'

/** Every probe, in the order of the published rows. */
export const PROBES: readonly Probe[] = [kvpProbe]
