import type { CauseRule } from './cause.ts'
import { builtIn, finding, lis, named, of } from './fits.ts'

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
    'The kernel of RHEL 6.10 has dynamic memory 2.0 and asks disks for their VPD pages. The pages treat 6.8 to 6.10 as one column, without either.',
    'bobolopolis/linux-el 4b3765ffdb (CentOS 6.10, 2.6.32-754.35.1): hv_balloon.c, storvsc_drv.c',
    { features: ['runtime-memory-resize', 'scsi-wwn'], we: 'have', releases: builtIn(6, 7) },
  ),
  finding(
    'rhel7-vpd',
    'RHEL 7.2 (build -283) takes SPC-3 for granted and so reads page 0x83 of every disk. The pages mark SCSI WWN for later columns alone.',
    'MafSam/centos af80da7 SPECS/kernel.spec, changelog of 3.10.0-283: storvsc and SPC-3',
    { features: ['scsi-wwn'], we: 'have', releases: builtIn(7, 2) },
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
    'oracle-rhck-as-rhel',
    "Oracle's compatible kernel is RHEL's, with the same drivers. Oracle's page marks fewer features than Red Hat's for the same kernel.",
    'MafSam/centos af80da7 SPECS/kernel.spec, changelog; mkuron/almalinux-kernel 433d32f172: the same sources are rebuilt',
    {
      features: ['file-copy', 'time-accuracy', 'sr-iov', 'scsi-wwn', 'lsvmbus', 'vhdx-resize', 'runtime-memory-resize'],
      we: 'have',
      releases: ({ kernelLine, drivers }) => kernelLine === 'rhck' && drivers === 'built-in',
    },
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
    'lis-vpd',
    'The storage driver of LIS takes SPC-3 for granted, in all of its three kernel families, and so reads page 0x83 of every disk. The pages mark SCSI WWN for fewer of them.',
    'LIS/lis-next 7a4f65fae2 hv-rhel5.x, hv-rhel6.x, hv-rhel7.x: storvsc_drv.c',
    { features: ['scsi-wwn'], we: 'have', releases: ({ drivers }) => drivers === 'lis' },
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
      features: ['runtime-memory-resize', 'time-accuracy', 'sr-iov', 'vcpu-256', 'lsvmbus'],
      we: 'have',
      releases: lis(7, '4.1'),
    },
  ),
  finding(
    'debian-lsvmbus',
    'lsvmbus needs nothing but the sysfs view of the bus, which these kernels have. The Debian page marks it for no release.',
    'Linux tools/hv/lsvmbus and Documentation/ABI/stable/sysfs-bus-vmbus',
    { features: ['lsvmbus'], we: 'have', releases: of('debian') },
  ),
  finding(
    'debian-address',
    'The key-value driver takes IP settings from the host and hands them to its daemon, whose script sets the interface. The Debian page marks static IP injection for no release.',
    'Linux drivers/hv/hv_kvp.c, process_ib_ipinfo; tools/hv/hv_set_ifconfig.sh',
    { features: ['static-ip-injection'], we: 'have', releases: of('debian') },
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
    { features: ['kvp', 'vhdx-resize'], we: 'have', releases: named('debian 7') },
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
    'freebsd-names',
    'CAM asks every disk for VPD page 0x83 and keeps what it says. The FreeBSD page marks SCSI WWN for no release.',
    'FreeBSD sys/cam/scsi/scsi_xpt.c, PROBE_DEVICE_ID',
    { features: ['scsi-wwn'], we: 'have', releases: of('freebsd') },
  ),
  finding(
    'freebsd-resize',
    'The disk driver of CAM probes a disk again when it says that its capacity has changed. The page marks VHDX resize from 11.0 on alone.',
    'coder03/freebsd10.4 3d3f8b11 sys/cam/scsi/scsi_da.c, daasync and dareprobe: unit attention 2Ah/09h',
    { features: ['vhdx-resize'], we: 'have', releases: of('freebsd') },
  ),
  finding(
    'capacity-changed',
    'A disk whose size changed says so with a unit attention, and a kernel that looks at it again sees the new size. The pages mark VHDX resize for later releases, where the kernel looks by itself.',
    'Linux drivers/scsi/storvsc_drv.c, storvsc_command_completion; drivers/scsi/scsi_error.c, scsi_report_sense',
    { features: ['vhdx-resize'], we: 'have' },
  ),
]
