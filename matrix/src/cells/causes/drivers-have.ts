import type { CauseRule } from './cause.ts'
import { builtIn, finding, lis, named, of, type Releases } from './fits.ts'

/** Oracle's compatible kernel with its own drivers. */
const rhck: Releases = ({ kernelLine, drivers }) => kernelLine === 'rhck' && drivers === 'built-in'

/** Drivers that have more than the pages mark. */
export const DRIVERS_HAVE: readonly CauseRule[] = [
  finding(
    'rhel7-memory-2.0',
    'The kernel of RHEL 7.3 (build -359 of 3.10.0) brought dynamic memory 2.0, which resizing at run time needs. The pages mark no RHEL 7 for it.',
    'MafSam/centos af80da7 SPECS/kernel.spec, changelog of 3.10.0-359; bobolopolis/linux-el 9d835aa785 (CentOS 7.9) hv_balloon.c',
    { features: ['runtime-memory-resize'], we: 'have', releases: builtIn(7, 3) },
  ),
  finding(
    'rhel610-backports',
    'The kernel of RHEL 6.10 has dynamic memory 2.0. The pages treat 6.8 to 6.10 as one column, without resizing of memory.',
    'bobolopolis/linux-el 4b3765ffdb (CentOS 6.10, 2.6.32-754.35.1): hv_balloon.c, dynmem_version',
    { features: ['runtime-memory-resize'], we: 'have', releases: builtIn(6, 10, 10) },
  ),
  finding(
    'rhel64-hot-add',
    'The driver of RHEL 6.4 handles hot-add requests, beside ballooning. The page marks hot add from 6.5 on.',
    'ziozzang/rhel6-kernel-src 1352db64e1 (6.4): drivers/hv/hv_balloon.c, hot_add_req',
    { features: ['dm-hot-add'], we: 'have', releases: builtIn(6, 4, 4) },
  ),
  finding(
    'rhel73-vf',
    'RHEL 7.3 (build -514) has the messages of virtual functions. The page of 2019 marks SR-IOV for it, and later ones lost the mark when columns were inserted.',
    'MafSam/centos af80da7 SPECS/kernel.spec, changelog up to 3.10.0-514: PCI pass-through and VF',
    { features: ['sr-iov'], we: 'have', releases: builtIn(7, 3) },
  ),
  finding(
    'oracle-core-blank',
    'Oracle Linux 6.4 runs the kernel of RHEL 6.4, whose drivers are those that the core row asks for. The page of 2019 leaves the core row blank while it marks jumbo frames, VLAN and live migration in the same column.',
    'ziozzang/rhel6-kernel-src 1352db64e1 (6.4): drivers/hv, drivers/net/hyperv, drivers/scsi/storvsc_drv.c',
    { features: ['core'], we: 'have', releases: named('oracle 6.4 rhck') },
  ),
  finding(
    'oracle-rhck-file-copy',
    "Oracle's compatible kernel is that of RHEL, which has the file copy driver from 6.6 and 7.1 on, as Red Hat's page says. Oracle's page of 2017 marks none of these columns.",
    'ziozzang/rhel6-kernel-src 614321d388 (6.6) drivers/hv/hv_fcopy.c; MafSam/centos af80da7 SPECS/kernel.spec, changelog of 3.10.0-188',
    { features: ['file-copy'], we: 'have', releases: rhck },
  ),
  finding(
    'oracle-rhck-time',
    "Oracle's compatible kernel is that of RHEL, whose 7.7 has time synchronisation 4.0, and Red Hat's page of 2025 marks accurate time from 7.4 on. Oracle's page marks it for no RHCK of 7.",
    'dcui/RHEL77 2a8bfb46c6 drivers/hv/hv_util.c, ts_versions',
    { features: ['time-accuracy'], we: 'have', releases: rhck },
  ),
  finding(
    'lis-rhel5-subchannels',
    'The drivers of LIS for RHEL 5 open sub-channels, as those for RHEL 6 do. The pages mark vRSS for no RHEL 5.',
    'LIS/lis-next 7a4f65fae2 hv-rhel5.x: netvsc.c, rndis_filter.c',
    { features: ['vrss'], we: 'have', releases: lis(5, '4.0') },
  ),
  finding(
    'lis-rhel5-lsvmbus',
    'LIS ships lsvmbus for RHEL 5 since March 2016. The pages mark it for RHEL 6 and 7 alone.',
    'LIS/lis-next 7a4f65fae2 hv-rhel5.x/hv/tools/lsvmbus',
    { features: ['lsvmbus'], we: 'have', releases: lis(5, '4.1') },
  ),
  finding(
    'lis-rhel6-newer',
    'From 4.1 on the drivers of LIS for RHEL 6 have dynamic memory 2.0 and time synchronisation 4.0, from 4.3 on virtual functions. The pages mark them for RHEL 7 alone.',
    'LIS/lis-next 1c7fee6cda hv-rhel6.x: hv_balloon.c, hv_util.c, netvsc_drv.c',
    { features: ['runtime-memory-resize', 'time-accuracy', 'sr-iov'], we: 'have', releases: lis(6, '4.1') },
  ),
  finding(
    'lis-rhel7-newer',
    'LIS brings the same drivers to every kernel of RHEL 7. The pages mark less for the older kernels than for the newer ones with the same package.',
    'LIS/lis-next 1c7fee6cda hv-rhel7.x: one folder for all kernels of RHEL 7',
    {
      features: ['runtime-memory-resize', 'time-accuracy', 'sr-iov', 'vcpu-256'],
      we: 'have',
      releases: lis(7, '4.1'),
    },
  ),
  finding(
    'debian-fibre-channel',
    'Debian builds the storage driver that takes Fibre Channel adapters, with its transport class. The Debian page marks virtual Fibre Channel for no release.',
    'Linux drivers/scsi/storvsc_drv.c, id_table: the GUID of the Fibre Channel adapter',
    { features: ['virtual-fc'], we: 'have', releases: of('debian') },
  ),
  finding(
    'debian8-kernel',
    'The kernel of Debian 8 is 3.16, which has ballooning, hot add, vRSS and segmentation offload. The page marks them from Debian 9 on.',
    'Linux 3.16 drivers/hv/hv_balloon.c, drivers/net/hyperv',
    {
      features: ['dm-ballooning', 'dm-hot-add', 'vrss', 'tso-checksum', 'vhdx-resize'],
      we: 'have',
      releases: named('debian 8'),
    },
  ),
  finding(
    'debian7-kvp',
    'The kernel of Debian 7 has the key-value driver. The page marks it from Debian 8 on, where the daemons are packaged.',
    'Linux 3.2 drivers/hv/hv_kvp.c',
    { features: ['kvp'], we: 'have', releases: named('debian 7') },
  ),
  finding(
    'freebsd104-more',
    'FreeBSD 10.4 has the drivers of 11: backup, accurate time, UNMAP and virtual functions. The page marks them from 11 on.',
    'coder03/freebsd10.4 3d3f8b11 sys/dev/hyperv',
    {
      features: ['live-backup', 'time-accuracy', 'trim', 'sr-iov'],
      we: 'have',
      releases: named('freebsd 10.4'),
    },
  ),
  finding(
    'freebsd-resize',
    'The disk driver of CAM probes a disk again when it says that its capacity has changed. The page marks VHDX resize from 11.0 on alone.',
    'coder03/freebsd10.4 3d3f8b11 (10.4) sys/cam/scsi/scsi_da.c, daasync and dareprobe: unit attention 2Ah/09h',
    { features: ['vhdx-resize'], we: 'have', releases: named('freebsd 10.2', 'freebsd 10.3') },
  ),
  finding(
    'rhel70-capacity',
    'The storage drivers of RHEL 6.5 and of Linux 3.10, on which RHEL 7 stands, look at a disk again whose capacity changed. The pages mark VHDX resize for 6.5 and for 7.2, and not for 7.0 and 7.1.',
    'ziozzang/rhel6-kernel-src 43fbacafdc (6.5) and Insei/mocha-kernel-3.10.33 898ef31c4c (3.10.33), drivers/scsi/storvsc_drv.c, storvsc_handle_error: 2Ah/09h',
    { features: ['vhdx-resize'], we: 'have', releases: builtIn(7, 0, 1) },
  ),
  finding(
    'sles11sp4-vrss',
    'The kernel of SLES 11 SP4 has NVSP 5 and more than one channel for an adapter (msft-hv-0600). The page marks vRSS from SLES 12 on.',
    'chargen/kernel-source 4b89d0c69822 (rpm-3.0.101-63) patches.suse/msft-hv-0600: drivers/net/hyperv/rndis_filter.c, NVSP_MSG5_TYPE_SUBCHANNEL',
    { features: ['vrss'], we: 'have', releases: named('sles 11 sp4') },
  ),
  finding(
    'sles12sp1-newer',
    'The kernel of SLES 12 SP1 has messages of virtual functions, dynamic memory 2.0 and the script lsvmbus. The page marks none of the three for it.',
    'chargen/kernel-source 8d714a0f38ce (rpm-3.12.49-11) patches.suse/msft-hv-0866 (netvsc.c), 0874 (hv_balloon.c) and 0889 (tools/hv/lsvmbus)',
    { features: ['sr-iov', 'runtime-memory-resize', 'lsvmbus'], we: 'have', releases: named('sles 12 sp1') },
  ),
]
