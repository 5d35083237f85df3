import { kvpProbe } from './kvp.ts'
import type { Probe } from './probe.ts'
import { scsiWwnProbe } from './scsi-wwn.ts'
import { trimProbe } from './trim.ts'
import { vhdxResizeProbe } from './vhdx-resize.ts'
import { virtualFcProbe } from './virtual-fc.ts'

/** Every probe, in the order of the published rows. */
export const PROBES: readonly Probe[] = [vhdxResizeProbe, virtualFcProbe, trimProbe, scsiWwnProbe, kvpProbe]
