import { expect, test } from 'vitest'
import { play, type Expected } from './play.ts'

// RHEL 7.0 (3.10.0-123) lacks what its changelog has later: SPC-3 taken for granted from -283 on, and names of ports, which
// upstream has from 4.6 on. FreeBSD's hv_storvsc_drv_freebsd.c knows SCSI and IDE alone, and lifts SPC-2 to SPC-3 from 10.4 on.
// Hosts: resizing began with 2012 R2 (Resize-VHD of Windows 8 is offline alone); Fibre Channel, its names and UNMAP with 2012, for
// which Linux claims SPC-3 (storvsc_drv.c, storvsc_device_configure).
const EXPECTED: readonly Expected[] = [
  ['trim', 'rhel 7.9', 'ws2019', 'works'],
  ['trim', 'freebsd 13.2', 'ws2019', 'works'],
  ['trim', 'windows server 2019', 'ws2019', 'works'],
  ['trim', 'rhel 7.9', 'ws2012', 'works'],
  ['trim', 'rhel 7.9', 'ws2008r2', 'not-offered', 'trim'],
  ['trim', 'rhel 7.0', 'ws2019', 'fails', 'vpd'],
  ['trim', 'freebsd 10.1', 'ws2016', 'fails', 'unmap'],
  ['vhdx-resize', 'rhel 7.9', 'ws2019', 'works'],
  ['vhdx-resize', 'windows server 2019', 'ws2019', 'works'],
  ['vhdx-resize', 'freebsd 13.2', 'ws2019', 'works'],
  ['vhdx-resize', 'freebsd 10.1', 'ws2019', 'not-run'],
  ['vhdx-resize', 'rhel 7.9', 'ws2008r2', 'not-offered', 'vhdx-resize'],
  ['virtual-fc', 'rhel 7.9', 'ws2019', 'works'],
  ['virtual-fc', 'windows server 2019', 'ws2019', 'works'],
  ['virtual-fc', 'rhel 7.9', 'ws2008r2', 'not-offered', 'limits'],
  ['virtual-fc', 'freebsd 13.2', 'ws2019', 'no-driver', 'storvsc'],
  ['scsi-wwn', 'rhel 7.9', 'ws2019', 'works'],
  ['scsi-wwn', 'windows server 2019', 'ws2019', 'not-run'],
  ['scsi-wwn', 'rhel 7.9', 'ws2008r2', 'not-offered', 'scsi-wwn'],
  ['scsi-wwn', 'rhel 7.0', 'ws2019', 'fails', 'wwn'],
  ['scsi-wwn', 'freebsd 13.2', 'ws2019', 'no-driver', 'storvsc'],
]

test.each(EXPECTED.map((row) => [row.join(', '), row] as const))('%s', async (_, row) => {
  const [probe, release, host, outcome, field] = row
  const found = await play(probe, release, host)
  expect([found.outcome, found.decidedBy?.field, found.reason === '']).toEqual([outcome, field, outcome === 'works'])
  if (outcome === 'works') expect(found.bytes).toBeGreaterThan(1000)
})
