import type { MatrixFeature } from '../registry/registry.ts'
import type { NotRun } from '@vmbus/report'

/** Each reason why nothing ran, as a sentence. */
export const NOT_RUN_TEXT: Readonly<Record<NotRun, string>> = {
  'no-device': 'the device or firmware of this feature is not in this project yet',
  'no-high-memory': 'no guest here has RAM above 4 GiB, and below it a kernel with PAE is as one without',
  'no-probe': 'nothing measures this feature yet',
  'no-source': 'no source that was read says what its driver does there',
  'no-guest': 'no source tells what the drivers of this release do',
  'not-planned': 'the run was asked for without this cell, or cannot make it',
  'not-finished': 'the run ended before it, or another part of it has it',
}

/**
 * Features whose device does not exist here: firmware (generation 2, secure boot), the screen, sockets, PCI pass-through, and
 * what the hypervisor does without a bus (NMI, memory gap).
 */
const WITHOUT_DEVICE: ReadonlySet<MatrixFeature['id']> = new Set<MatrixFeature['id']>([
  'gen2-uefi',
  'secure-boot',
  'video',
  'hyperv-sockets',
  'pci-passthrough',
  'nmi',
  'mmio-gap',
])

/** Features that need no driver of the integration services: without any, they are still unmeasured. */
export const needsDriver = (feature: MatrixFeature['id']): boolean => !WITHOUT_DEVICE.has(feature)

/**
 * Why a feature without any probe was not run. PAE shows in page numbers of 21 bits and more, which views of RAM in Node 20 end
 * below and v86 has no addresses for.
 */
export function withoutProbe(feature: MatrixFeature['id']): NotRun {
  if (feature === 'pae-kernel') return 'no-high-memory'
  return WITHOUT_DEVICE.has(feature) ? 'no-device' : 'no-probe'
}
