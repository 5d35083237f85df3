import { hostProfile } from '@vmbus/host'
import { expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { PROBES } from '../src/probes/index.ts'
import { execute } from '../src/run/execute.ts'

/**
 * Typed by hand from the pages and trees: VMBus versions of Linux commits a6b94c6b4919 (5.19) and RHEL 8.7's backport of it;
 * file copy from Linux 3.15, RHEL 6.6 and 7.1, Windows Server 2012 R2; time synchronisation 4.0 from Linux 4.9 and Server 2016;
 * the interrupt limit of 256 processors until Linux 5.1; dynamic memory from Linux 3.8; lsvmbus from Linux 4.3.
 */
const TABLE: readonly (readonly [release: string, host: string, probe: string, outcome: string])[] = [
  ['rhel 8.6', 'ws2008r2', 'core', 'partial'],
  ['rhel 8.7', 'ws2008r2', 'core', 'fails'],
  ['rhel 8.7', 'ws2012', 'core', 'partial'],
  ['rhel 9.0', 'ws2008r2', 'core', 'partial'],
  ['ubuntu 22.04', 'ws2008r2', 'core', 'partial'],
  ['ubuntu 24.04', 'ws2008r2', 'core', 'fails'],
  ['freebsd 9.3 + port', 'ws2012r2', 'core', 'partial'],
  ['windows server 2025', 'ws2025', 'core', 'partial'],
  // Windows 11 runs in generation 2 alone, whose firmware speaks an older VMBus than it.
  ['windows 11 24h2', 'ws2022', 'kvp', 'works'],
  ['windows 11 21h2', 'ws2016', 'dm-ballooning', 'works'],
  ['windows 11 21h2', 'ws2012', 'kvp', 'not-offered'],
  ['rhel 8.0', 'ws2016', 'time-accuracy', 'works'],
  ['debian 8', 'ws2016', 'time-accuracy', 'fails'],
  ['debian 12', 'ws2012r2', 'time-accuracy', 'not-offered'],
  ['sles 12 sp3', 'ws2019', 'time-accuracy', 'works'],
  ['freebsd 12.1', 'ws2016', 'time-accuracy', 'works'],
  ['freebsd 10.2', 'ws2016', 'time-accuracy', 'fails'],
  ['debian 12', 'ws2022', 'vcpu-256', 'partial'],
  ['debian 10', 'ws2022', 'vcpu-256', 'fails'],
  ['debian 12', 'ws2019', 'vcpu-256', 'not-offered'],
  ['rhel 7.0', 'ws2012r2', 'file-copy', 'no-driver'],
  ['rhel 7.1', 'ws2012r2', 'file-copy', 'works'],
  ['rhel 6.5', 'ws2022', 'file-copy', 'no-driver'],
  ['rhel 6.6', 'ws2022', 'file-copy', 'works'],
  ['rhel 10.0', 'ws2022', 'file-copy', 'works'],
  ['debian 12', 'ws2012', 'file-copy', 'not-offered'],
  ['freebsd 14.1', 'ws2022', 'file-copy', 'no-driver'],
  ['debian 8', 'ws2022', 'lsvmbus', 'no-driver'],
  ['debian 10', 'ws2022', 'lsvmbus', 'works'],
  ['windows server 2019', 'ws2022', 'lsvmbus', 'not-applicable'],
  ['debian 7', 'ws2012r2', 'dm-ballooning', 'no-driver'],
  ['debian 12', 'ws2012r2', 'dm-ballooning', 'works'],
  ['freebsd 13.2', 'ws2022', 'dm-ballooning', 'no-driver'],
  ['debian 12', 'ws2022', 'dm-hot-add', 'works'],
  ['debian 12', 'ws2016', 'runtime-memory-resize', 'works'],
  ['debian 12', 'ws2012r2', 'runtime-memory-resize', 'not-offered'],
  ['freebsd 10.0', 'ws2012r2', 'kvp', 'no-driver'],
  ['freebsd 13.2', 'ws2012r2', 'static-ip-injection', 'works'],
  ['debian 12', 'ws2008r2', 'static-ip-injection', 'not-offered'],
  ['freebsd 11.0', 'ws2012r2', 'live-backup', 'no-driver'],
  ['freebsd 11.1', 'ws2012r2', 'live-backup', 'works'],
  ['debian 9', 'ws2008r2', 'live-backup', 'not-offered'],
  ['debian 12', 'ws2008r2', 'live-backup', 'fails'],
  // It has VSS 5.0, and leaves it alone below VMBus 3.0, which began with 2012 R2.
  ['debian 12', 'ws2012', 'live-backup', 'fails'],
  ['rhel 7.9', 'ws2019', 'live-backup', 'works'],
  // No version check in hv_vss_init of 2.6.32-431.el6 (ziozzang/rhel6-kernel-src@43fbacafdc06); the page says yes.
  ['rhel 6.5', 'ws2012r2', 'live-backup', 'works'],
  ['freebsd 13.2', 'ws2019', 'live-migration', 'partial'],
]

test.each(TABLE)('%s on %s: %s is %s', async (release, host, id, outcome) => {
  const guest = guestOf(release)
  const profile = hostProfile(host)
  const probe = PROBES.find((each) => each.id === id)
  if (!isGuest(guest) || profile === undefined || probe === undefined) throw new Error('not known')
  const found = await execute({ id: 'x', probe, guest, profile, seed: 3, runs: 1 })
  expect(found).toMatchObject({ outcome })
})
