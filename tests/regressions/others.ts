import type { Coverage } from './coverage.ts'

/** Coverage of the rows on time synchronisation and shutdown, and of those on devices that are not built. */
export const otherCoverage: readonly Coverage[] = [
  {
    id: 'timesync-stale',
    caughtBy: 'packages/compliance/test/components.test.ts › refuses a sample that waited longer than ten minutes',
  },
  {
    id: 'timesync-threshold',
    caughtBy:
      'packages/compliance/test/components.test.ts › disciplines with samples, and only beyond the threshold; a threshold of 0 turns samples off',
  },
  {
    id: 'shutdown-renegotiate',
    caughtBy: 'packages/compliance/test/suites/devices.test.ts › keeps every rule of devices',
  },
  { id: 'hvsock-close', noCounterpart: 'because sockets are not built yet' },
  { id: 'pci-gone', noCounterpart: 'because the virtual PCI bus is not built yet' },
  { id: 'pci-early-completion', noCounterpart: 'because the virtual PCI bus is not built yet' },
]
