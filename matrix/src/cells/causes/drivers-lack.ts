import type { CauseRule } from './cause.ts'
import { builtIn, finding, named, of, ourBug, uek } from './fits.ts'

/** Drivers that lack what the pages mark. */
export const DRIVERS_LACK: readonly CauseRule[] = [
  finding(
    'rhel10-file-copy',
    'The kernel of RHEL 10 has no file copy driver: a daemon serves it over UIO, and only where that is set up. The page marks file copy as for RHEL 9.',
    'mkuron/almalinux-kernel 8e2c379628 (10.0): drivers/hv has no hv_fcopy.c, tools/hv/hv_fcopy_uio_daemon.c',
    { features: ['file-copy'], we: 'lack', releases: builtIn(10) },
  ),
  finding(
    'old-versions-dropped',
    'Linux from 5.19 on, and kernels that took its commits a6b94c6b4919 and 106b98a5181c, ask for VMBus 2.4 at least. The pages mark these releases for hosts that speak only older versions.',
    'Linux 5.19 drivers/hv/connection.c, vmbus_versions; mkuron/almalinux-kernel 057720014f (8.7)',
    {
      features: ['core', 'kvp', 'jumbo-frames', 'vlan-tagging', 'live-migration', 'tso-checksum', 'lsvmbus'],
      we: 'lack',
      field: 'vmbus',
      hosts: ['ws2008', 'ws2008r2'],
      releases: ({ distribution }) => distribution !== 'freebsd',
    },
  ),
  ourBug(
    'suse-backports-unread',
    'SUSE brings drivers back into older kernels, and no tree of SLES 11, 12 or 12 SP1 could be read. The simulated guest has what the upstream kernel of the same number had, so the page may well be right.',
    'openSUSE kernel-source was not to be had; colyli/1056134 5f5dca20ea (SLES 12 SP2 line) has far more than its number',
    {
      features: [
        'dm-ballooning',
        'dm-hot-add',
        'file-copy',
        'live-backup',
        'static-ip-injection',
        'trim',
        'tso-checksum',
        'virtual-fc',
        'vrss',
        'kvp',
        'sr-iov',
        'time-accuracy',
      ],
      we: 'lack',
      releases: of('sles'),
    },
  ),
  ourBug(
    'ubuntu-backports-unread',
    'Ubuntu brings drivers back into older kernels, and no tree of 12.04, 14.04 or 15.10 could be read. The simulated guest has what the upstream kernel of the same number had, so the page may well be right.',
    'balabit-deps/balabit-os-6-linux 61484f7c88 (16.04) has more than Linux 4.4, so earlier trees may have as well',
    {
      features: [
        'file-copy',
        'lsvmbus',
        'runtime-memory-resize',
        'scsi-wwn',
        'static-ip-injection',
        'trim',
        'tso-checksum',
        'vrss',
      ],
      we: 'lack',
      releases: named('ubuntu 12.04', 'ubuntu 14.04', 'ubuntu 15.10'),
    },
  ),
  ourBug(
    'uek-unread',
    'No tree of an Unbreakable Enterprise Kernel could be read. The simulated guest has what the upstream kernel of the same number had, so the page may well be right.',
    'Linux 3.8 and 4.1, on which UEK3 and UEK4 stand; oracle/linux-uek was not to be had',
    {
      features: ['file-copy', 'live-backup', 'trim', 'virtual-fc', 'sr-iov', 'dm-ballooning'],
      we: 'lack',
      releases: uek('uek'),
    },
  ),
  finding(
    'rhel64-backup',
    'The kernel of RHEL 6.4 has no backup driver: it came with 6.5. The pages mark live backup for 6.4 as well, with a note on a package of daemons.',
    'ziozzang/rhel6-kernel-src 1352db64e1 (6.4): drivers/hv has no hv_snapshot.c',
    { features: ['live-backup'], we: 'lack', releases: builtIn(6, 4, 4) },
  ),
  finding(
    'freebsd110-shift',
    'The page of 2025 joins 11.0 with 11.1 to 11.4 in one column. FreeBSD 11.0 itself lacks what came between, as the page of 2020 says.',
    'coder03/freebsd10.4 3d3f8b11 is later than 11.0: what both 10.4 and 12.1 have, 11.0 need not',
    { features: ['live-backup', 'trim', 'sr-iov', 'time-accuracy'], we: 'lack', releases: named('freebsd 11.0') },
  ),
  finding(
    'freebsd-index-rule',
    'The services of these releases pick versions by the place of what the host offers, and a host with few of them makes the key-value service take none. The page marks it there.',
    'FreeBSD 11 sys/dev/hyperv/utilities/hv_util.c and hv_kvp.c, hv_negotiate_version',
    {
      features: ['kvp', 'static-ip-injection', 'live-migration'],
      we: 'lack',
      // 10.0 has no key-value service at all, as far as the trees around it tell.
      releases: ({ distribution, release }) => distribution === 'freebsd' && release !== '10.0',
    },
  ),
]
