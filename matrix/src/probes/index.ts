import { coreProbe } from './core.ts'
import { dmBallooningProbe } from './dm-ballooning.ts'
import { dmHotAddProbe } from './dm-hot-add.ts'
import { fileCopyProbe } from './file-copy.ts'
import { jumboFramesProbe } from './jumbo-frames.ts'
import { kvpProbe } from './kvp.ts'
import { liveBackupProbe } from './live-backup.ts'
import { liveMigrationProbe } from './live-migration.ts'
import { lroProbe } from './lro.ts'
import { lsvmbusProbe } from './lsvmbus.ts'
import type { Probe } from './probe.ts'
import { runtimeMemoryResizeProbe } from './runtime-memory-resize.ts'
import { scsiWwnProbe } from './scsi-wwn.ts'
import { srIovProbe } from './sr-iov.ts'
import { staticIpInjectionProbe } from './static-ip-injection.ts'
import { timeAccuracyProbe } from './time-accuracy.ts'
import { trimProbe } from './trim.ts'
import { tsoChecksumProbe } from './tso-checksum.ts'
import { vcpu256Probe } from './vcpu-256.ts'
import { vhdxResizeProbe } from './vhdx-resize.ts'
import { virtualFcProbe } from './virtual-fc.ts'
import { vlanTaggingProbe } from './vlan-tagging.ts'
import { vrssProbe } from './vrss.ts'

/** Every probe, in the order of the published rows. */
export const PROBES: readonly Probe[] = [
  coreProbe,
  timeAccuracyProbe,
  vcpu256Probe,
  jumboFramesProbe,
  vlanTaggingProbe,
  liveMigrationProbe,
  staticIpInjectionProbe,
  vrssProbe,
  tsoChecksumProbe,
  lroProbe,
  srIovProbe,
  vhdxResizeProbe,
  virtualFcProbe,
  liveBackupProbe,
  trimProbe,
  scsiWwnProbe,
  dmHotAddProbe,
  dmBallooningProbe,
  runtimeMemoryResizeProbe,
  kvpProbe,
  fileCopyProbe,
  lsvmbusProbe,
]
