import type { CauseRule } from './cause.ts'
import { builtIn, finding, named, ourBug, uek } from './fits.ts'

/** Drivers that lack what the pages mark. */
export const DRIVERS_LACK: readonly CauseRule[] = [
  finding(
    'sles11sp3-fibre-channel',
    'The storage driver of the kernel with which SLES 11 SP3 came has no Fibre Channel: later updates of SP3 and SP4 brought it (msft-hv-0520). The page marks it for both.',
    'chargen/kernel-source ccab9909db1e (rpm-3.0.76-0.11) series.conf: no patch puts HV_SYNTHFC_GUID into the id_table of drivers/scsi/storvsc_drv.c',
    { features: ['virtual-fc'], we: 'lack', basis: 'source-read', releases: named('sles 11 sp3') },
  ),
  finding(
    'ubuntu1204-kernel',
    'The kernel of Ubuntu 12.04 answers no key-value message but enumeration, and takes no disk for SPC-3. The page marks IP injection and TRIM.',
    'arrdalan/ubuntu_dfv (3.2.30): drivers/hv/hv_kvp.c 7a5c9134, hv_kvp_onchannelcallback; drivers/scsi/storvsc_drv.c 53824773, storvsc_device_configure',
    {
      features: ['static-ip-injection', 'trim'],
      we: 'lack',
      basis: 'source-read',
      releases: named('ubuntu 12.04'),
    },
  ),
  ourBug(
    'ubuntu1404-unread',
    'No tree of Ubuntu 14.04 could be read, whose kernels of later updates are those of 14.10 to 16.04. The simulated guest has what Linux 3.13 had, so the page may well be right.',
    'balabit-deps/balabit-os-6-linux 61484f7c88 (16.04, from which the last of these updates is): it has more than Linux 4.4',
    {
      features: ['file-copy', 'lsvmbus', 'runtime-memory-resize', 'scsi-wwn', 'trim', 'tso-checksum', 'vrss'],
      we: 'lack',
      basis: 'inferred',
      releases: named('ubuntu 14.04'),
    },
  ),
  ourBug(
    'uek3-unread',
    'No tree of the Unbreakable Enterprise Kernel 3 could be read. The simulated guest has what Linux 3.8 had, on which it stands, so the page may well be right.',
    'oracle uek3 is 3.8.13 by its own name; backup came with Linux 3.10, file copy with 3.15, Fibre Channel with 3.11',
    {
      features: ['file-copy', 'live-backup', 'vhdx-resize', 'virtual-fc'],
      we: 'lack',
      basis: 'inferred',
      releases: uek('uek3'),
    },
  ),
  finding(
    'ubuntu-no-i386',
    'Ubuntu has no 32-bit x86 system from 19.10 on, only libraries of it for 64-bit ones, and so no kernel with PAE. The page marks PAE kernels up to 22.04.',
    'discourse.ubuntu.com/t/11263, announcement to ubuntu-devel-announce of June 2019; discourse.ubuntu.com/t/12598, the packages that 20.04 keeps',
    { features: ['pae-kernel'], we: 'lack', releases: named('ubuntu 20.04', 'ubuntu 22.04') },
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
    'The services of FreeBSD 10.1 and of the port pick versions by the place of what the host offers, and take a key-value version that Windows Server 2008 R2 did not offer. The page marks key-value exchange there.',
    'FreeBSD 10.1 sys/dev/hyperv/utilities/hv_util.c and hv_kvp.c, hv_negotiate_version: message 4.0 from two offered versions on',
    {
      features: ['kvp'],
      we: 'lack',
      basis: 'source-read',
      hosts: ['ws2008r2'],
      // 10.0 has no key-value service at all, as far as the trees around it tell.
      releases: ({ distribution, release }) => distribution === 'freebsd' && release !== '10.0',
    },
  ),
]
