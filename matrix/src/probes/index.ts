import { jumboFramesProbe } from './jumbo-frames.ts'
import { kvpProbe } from './kvp.ts'
import { lroProbe } from './lro.ts'
import type { Probe } from './probe.ts'
import { scsiWwnProbe } from './scsi-wwn.ts'
import { srIovProbe } from './sr-iov.ts'
import { trimProbe } from './trim.ts'
import { tsoChecksumProbe } from './tso-checksum.ts'
import { vhdxResizeProbe } from './vhdx-resize.ts'
import { virtualFcProbe } from './virtual-fc.ts'
import { vlanTaggingProbe } from './vlan-tagging.ts'
import { vrssProbe } from './vrss.ts'

/** Every probe, in the order of the published rows. */
export const PROBES: readonly Probe[] = [
  jumboFramesProbe,
  vlanTaggingProbe,
  vrssProbe,
  tsoChecksumProbe,
  lroProbe,
  srIovProbe,
  vhdxResizeProbe,
  virtualFcProbe,
  trimProbe,
  scsiWwnProbe,
  kvpProbe,
]
