/** A cell as a reader finds it by hand: what the drivers and the host do, and what the pages say. */
export interface SpotCheck {
  readonly release: string
  readonly host: string
  readonly feature: string
  readonly outcome: string
  /** Marks of the pages that know release and host, newest first, each with the month of the page; '' for none. */
  readonly published: string
  readonly verdict: string
  /** Tree and file, or what else tells the outcome. */
  readonly source: string
}

/*
 * Marks are of MicrosoftDocs/windowsserverdocs, WindowsServerDocs/virtualization/hyper-v/Supported-…-on-Hyper-V.md: CentOS and Red
 * Hat 2025-06 at 051b1c98b8de and 2019-06 at fb74c56a5354, Oracle 2023-09 at 093f0bfa333b and 2017-06 at 6e1ee5aa3b96, Debian
 * 2023-09 at 030ee5826246 and 2016-10 at 6de04a094758, Ubuntu 2020-08 at 0aaa548be2d8 and 2019-06 at fb74c56a5354, SUSE 2023-09 at
 * 093f0bfa333b and 2016-10 at b5dc2aba3add, FreeBSD 2020-04 at 031ea9668ee4 and 2017-08 at 38fa4ce398f3. A host that a page knows
 * and a row does not name is a no.
 *
 * Trees: alma is mkuron/almalinux-kernel, centos bobolopolis/linux-el, rhel6 ziozzang/rhel6-kernel-src, spec the changelog of
 * MafSam/centos af80da7 SPECS/kernel.spec, lis LIS/lis-next, balabit balabit-deps/balabit-os-N-linux.
 */
const TABLE = `
# Minor releases are not monotone: vmbus_versions[] of drivers/hv/connection.c.
rhel 8.6 | ws2008r2 | jumbo-frames | works | | not-covered | alma f3a0c93710: 5.3 to 0.13
rhel 8.7 | ws2008r2 | jumbo-frames | fails | | not-covered | alma 057720014f: 5.3 to 2.4
rhel 8.7 | ws2012r2 | kvp | works | yes 2023-09 | agrees | alma 057720014f: 2.4 is of 2012, 3.0 of 2012 R2
rhel 9.0 | ws2008r2 | jumbo-frames | works | | not-covered | alma 7aa70a70f7: 5.3 to 0.13
rhel 9.1 | ws2008r2 | jumbo-frames | fails | | not-covered | alma 23fc1cebd5: 5.3 to 2.4
rhel 9.0 | ws2008r2 | core | partial | | not-covered | alma 7aa70a70f7: 5.3 to 0.13
# Who speaks no version of the host is told that, and not what the host lacks beside.
rhel 8.7 | ws2008r2 | trim | fails | | not-covered | alma 057720014f: 5.3 to 2.4
rhel 8.6 | ws2008r2 | trim | not-offered | | not-covered | Linux storvsc_drv.c: SPC-3 from Windows 8 on
rhel 9.1 | ws2008r2 | core | fails | | not-covered | alma 23fc1cebd5: 5.3 to 2.4
rhel 8.0 | ws2008r2 | kvp | works | yes 2019-06 | agrees | centos 82ad8125d7 drivers/hv/hv_kvp.c
# File copy: drivers/hv/hv_fcopy.c, and a daemon over UIO in its place.
rhel 7.0 | ws2012r2 | file-copy | no-driver | no 2023-09, no 2019-06 | agrees | spec: first in -188, 7.0 is -123
rhel 7.1 | ws2012r2 | file-copy | works | yes 2023-09, yes 2019-06 | agrees | spec: -188, 7.1 is -229
rhel 6.5 | ws2012r2 | file-copy | no-driver | no 2023-09, no 2019-06 | agrees | rhel6 43fbacafdc: no hv_fcopy.c
rhel 6.6 | ws2012r2 | file-copy | works | yes 2023-09, yes 2019-06 | agrees | rhel6 614321d388 drivers/hv/hv_fcopy.c
rhel 9.4 | ws2022 | file-copy | works | yes 2025-06, yes 2023-09 | agrees | alma 3349f1c5f0 drivers/hv/hv_fcopy.c
rhel 10.0 | ws2022 | file-copy | works | yes 2025-06 | agrees | alma 8e2c379628 tools/hv/hv_fcopy_uio_daemon.c
# Backup: hv_vss_init of 6.5 has no look at the version of the bus.
rhel 6.4 | ws2012r2 | live-backup | no-driver | yes 2023-09, yes 2019-06 | differs | rhel6 1352db64e1: no hv_snapshot.c
rhel 6.5 | ws2012r2 | live-backup | works | yes 2023-09, yes 2019-06 | agrees | rhel6 43fbacafdc drivers/hv/hv_snapshot.c
rhel 7.1 | ws2008r2 | live-backup | not-offered | no 2019-06 | agrees | OpenVMM hyperv_ic_protocol: VSS from 2012 on
# RHEL 6 and 7 as their trees and changelogs grew.
rhel 6.5 | ws2012 | static-ip-injection | works | yes 2019-06 | agrees | rhel6 43fbacafdc hv_kvp.c, process_ib_ipinfo
rhel 7.0 | ws2008r2 | static-ip-injection | not-offered | no 2019-06 | agrees | SetGuestNetworkAdapterConfiguration: from 2012 on
rhel 6.4 | ws2012 | dm-hot-add | works | no 2019-06 | differs | rhel6 1352db64e1 hv_balloon.c, hot_add_req
rhel 6.5 | ws2012r2 | vrss | fails | no 2023-09, no 2019-06 | agrees | rhel6 43fbacafdc netvsc.c: NVSP 2, one channel
rhel 6.6 | ws2012r2 | vrss | works | yes 2023-09, yes 2019-06 | agrees | rhel6 614321d388 netvsc.c: NVSP 5, sub-channels
rhel 6.5 | ws2012r2 | tso-checksum | fails | no 2023-09, no 2019-06 | agrees | rhel6 43fbacafdc netvsc_drv.c: no offloads
rhel 6.6 | ws2012r2 | tso-checksum | works | yes 2023-09, yes 2019-06 | agrees | rhel6 614321d388 rndis_filter.c
rhel 7.0 | ws2012r2 | trim | fails | no 2023-09, no 2019-06 | agrees | spec: SPC-3 first in -283, 7.0 is -123
rhel 7.2 | ws2012r2 | trim | works | yes 2023-09, yes 2019-06 | agrees | spec: SPC-3 in -283, 7.2 is -327
rhel 7.9 | ws2012r2 | trim | works | yes 2023-09 | agrees | centos 9d835aa785 storvsc_drv.c
rhel 6.4 | ws2012r2 | vhdx-resize | fails | no 2023-09, no 2019-06 | agrees | rhel6 1352db64e1 storvsc_drv.c: no storvsc_handle_error
rhel 6.5 | ws2012r2 | vhdx-resize | works | yes 2023-09, yes 2019-06 | agrees | rhel6 43fbacafdc storvsc_handle_error: 2Ah/09h
rhel 6.4 + lis 4.3 | ws2012r2 | vhdx-resize | works | yes 2023-09, yes 2019-06 | agrees | lis 1c7fee6cda hv-rhel6.x storvsc_drv.c
rhel 7.9 | ws2012r2 | vhdx-resize | works | yes 2023-09 | agrees | centos 9d835aa785 storvsc_drv.c
rhel 7.2 | ws2016 | runtime-memory-resize | fails | no 2025-06, no 2023-09, no 2019-06 | agrees | spec: dynamic memory 2.0 first in -359, 7.2 is -327
rhel 7.3 | ws2016 | runtime-memory-resize | works | no 2025-06, no 2023-09, no 2019-06 | differs | spec: dynamic memory 2.0 in -359, 7.3 is -514
# Pages of 2025 and 2023 have other columns than that of 2019, and other marks for the same releases.
rhel 7.3 | ws2016 | sr-iov | partial | no 2025-06, no 2023-09, yes 2019-06 | grid-conflict | spec: virtual functions in -426, 7.3 is -514
rhel 7.7 | ws2019 | time-accuracy | works | yes 2025-06, yes 2023-09, no 2019-06 | grid-conflict | dcui/RHEL77 2a8bfb46c6 hv_util.c, ts_versions: 4.0
rhel 7.5 | ws2016 | scsi-wwn | works | no 2025-06, no 2023-09, yes 2019-06 | grid-conflict | before dcui/RHEL77 2a8bfb46c6 storvsc_drv.c, fc_host_port_name
rhel 7.9 | ws2019 | lro | works | | not-covered | centos 9d835aa785 rndis_filter.c, rsc; the pages have no row of it
rhel 7.7 | ws2019 | lro | fails | | not-covered | dcui/RHEL77 2a8bfb46c6 netvsc.c: NVSP 5, no rsc
# What began with which host: dynamic memory 0.3, Fibre Channel, UNMAP, resizing, port names.
rhel 6.10 | ws2008r2 | dm-ballooning | works | no 2019-06 | differs | centos 4b3765ffdb hv_balloon.c: 0.3
rhel 6.10 | ws2012 | dm-ballooning | works | yes 2019-06 | agrees | centos 4b3765ffdb hv_balloon.c: 1.0
rhel 6.10 | ws2008 | virtual-fc | not-offered | | not-covered | MacHyperVSupport HyperV-devices.md: from 2012 on
rhel 6.10 | ws2008r2 | virtual-fc | not-offered | no 2019-06 | agrees | MacHyperVSupport HyperV-devices.md: from 2012 on
rhel 6.10 | ws2012 | virtual-fc | works | no 2019-06 | differs | centos 4b3765ffdb storvsc_drv.c, id_table
rhel 6.10 | ws2012r2 | virtual-fc | works | yes 2023-09, yes 2019-06 | agrees | centos 4b3765ffdb storvsc_drv.c, id_table
rhel 8.0 | ws2012 | trim | works | no 2019-06 | differs | centos 82ad8125d7 storvsc_drv.c, storvsc_device_configure: SPC-3 on Windows 8
rhel 8.0 | ws2012 | vhdx-resize | not-offered | no 2019-06 | agrees | Resize-VHD of Windows 8 (hh848535): offline alone
rhel 8.0 | ws2012 | scsi-wwn | works | no 2019-06 | differs | centos 82ad8125d7 storvsc_drv.c, storvsc_channel_init
# More than 256 processors: drivers/iommu/hyperv-iommu.c, and 240 at most before Windows Server 2022.
rhel 8.6 | ws2022 | vcpu-256 | partial | yes 2025-06, yes 2023-09 | not-measured | alma f3a0c93710 drivers/iommu/hyperv-iommu.c
rhel 8.6 | ws2019 | vcpu-256 | not-offered | yes 2025-06, yes 2023-09 | differs | plan-hyper-v-scalability at 07dbd0a3: 240
rhel 8.0 | ws2022 | vcpu-256 | fails | no 2025-06, no 2023-09 | agrees | centos 82ad8125d7: no hyperv-iommu.c
# Azure Local and Windows Server 2025 speak what Windows Server 2022 does.
rhel 7.9 | azurelocal | kvp | works | yes 2025-06, yes 2023-09 | agrees | centos 9d835aa785 drivers/hv/hv_kvp.c
rhel 9.4 | azurelocal | time-accuracy | works | yes 2025-06, yes 2023-09 | agrees | alma 3349f1c5f0 hv_util.c: 4.0
rhel 9.4 | azurelocal | vlan-tagging | works | yes 2025-06, yes 2023-09 | agrees | alma 3349f1c5f0 netvsc_drv.c
rhel 9.4 | ws2025 | jumbo-frames | works | yes 2025-06 | agrees | alma 3349f1c5f0 netvsc_drv.c
rhel 9.4 | ws2022 | lsvmbus | works | yes 2025-06, yes 2023-09 | agrees | alma 3349f1c5f0 tools/hv/lsvmbus
rhel 9.4 | ws2022 | live-migration | works | yes 2025-06, yes 2023-09 | agrees | alma 3349f1c5f0 drivers/hv
# A package of integration services is three drivers: one folder for each kernel family.
rhel 5.9 + lis 4.3 | ws2008r2 | kvp | works | yes 2019-06 | agrees | lis 7a4f65fae2 hv-rhel5.x: VMBus down to 0.13
rhel 5.9 + lis 4.3 | ws2012r2 | vrss | works | no 2023-09, no 2019-06 | differs | lis 7a4f65fae2 hv-rhel5.x netvsc.c
rhel 5.9 + lis 4.3 | ws2012r2 | tso-checksum | works | yes 2023-09, yes 2019-06 | agrees | lis 7a4f65fae2 hv-rhel5.x rndis_filter.c
rhel 5.9 + lis 4.3 | ws2012r2 | file-copy | works | yes 2023-09, yes 2019-06 | agrees | lis 7a4f65fae2 hv-rhel5.x hv_fcopy.c
rhel 5.9 + lis 4.3 | ws2016 | trim | fails | no 2023-09, no 2019-06 | agrees | kernel 2.6.18: no requests to discard before 2.6.28
rhel 6.3 + lis 4.3 | ws2012r2 | vrss | works | yes 2023-09, yes 2019-06 | agrees | lis 1c7fee6cda hv-rhel6.x netvsc.c
rhel 6.10 + lis 4.3 | ws2016 | time-accuracy | works | no 2023-09, no 2019-06 | differs | lis 1c7fee6cda hv-rhel6.x hv_util.c: 4.0
rhel 6.10 + lis 4.3 | ws2016 | runtime-memory-resize | works | no 2023-09, no 2019-06 | differs | lis 1c7fee6cda hv-rhel6.x hv_balloon.c: 2.0
rhel 6.10 + lis 4.3 | ws2019 | lro | fails | | not-covered | lis 1c7fee6cda hv-rhel6.x rndis_filter.c: no rsc
rhel 7.7 + lis 4.3 | ws2019 | lro | works | | not-covered | lis 1c7fee6cda hv-rhel7.x rndis_filter.c, rsc
rhel 7.2 + lis 4.3 | ws2016 | sr-iov | partial | no 2025-06, no 2023-09, no 2019-06 | differs | lis 1c7fee6cda hv-rhel7.x: one folder for all of RHEL 7
# The page of 2017 has LIS 4.2, that of 2023 LIS 4.3; the driver of both has time synchronisation 4.0.
oracle 7.3 rhck + lis 4.2 | ws2016 | time-accuracy | works | no 2017-06 | differs | lis 8cd68649ff hv-rhel7.x hv_util.c
oracle 7.3 rhck + lis 4.3 | ws2016 | time-accuracy | works | yes 2023-09 | agrees | lis 1c7fee6cda hv-rhel7.x hv_util.c
# Oracle's compatible kernel and its Unbreakable one, in columns of two versions of the page that disagree.
oracle 7.6 rhck | ws2016 | static-ip-injection | works | yes 2023-09, yes 2017-06 | agrees | as RHEL 7.6: hv_kvp.c
oracle 7.6 rhck | ws2016 | vhdx-resize | works | yes 2023-09, yes 2017-06 | agrees | as RHEL 7.6: storvsc_drv.c
oracle 8.4 rhck | ws2019 | lsvmbus | works | yes 2025-06, yes 2023-09 | agrees | alma 8d251a9600 tools/hv/lsvmbus
oracle 6.4 rhck | ws2012r2 | core | partial | no 2017-06 | differs | rhel6 1352db64e1 drivers/hv
oracle 7.4 rhck | ws2016 | scsi-wwn | works | yes 2023-09, no 2017-06 | grid-conflict | before dcui/RHEL77 2a8bfb46c6 storvsc_drv.c
oracle 7.4 rhck | ws2016 | lsvmbus | no-driver | no 2023-09, no 2017-06 | agrees | dcui/RHEL77 2a8bfb46c6 tools/hv: three daemons, no lsvmbus
oracle 7.4 uek4 | ws2012r2 | kvp | works | yes 2023-09, yes 2017-06 | agrees | Linux 4.1 drivers/hv/hv_kvp.c
oracle 7.4 uek4 | ws2016 | lsvmbus | no-driver | yes 2023-09, no 2017-06 | grid-conflict | Linux 4.3 tools/hv/lsvmbus is the first
oracle 7.6 uek5 | ws2016 | sr-iov | partial | yes 2023-09, no 2017-06 | grid-conflict | Linux 4.14 netvsc_drv.c, netvsc_register_vf
# Debian, Ubuntu and SUSE.
debian 7 | ws2012r2 | dm-ballooning | no-driver | no 2016-10, no 2016-10 | agrees | Linux 3.8 drivers/hv/hv_balloon.c is the first
debian 8 | ws2008r2 | kvp | works | yes 2016-10, yes 2016-10 | agrees | Linux 3.16 drivers/hv/hv_kvp.c
debian 8 | ws2012r2 | file-copy | works | yes 2016-10, yes 2016-10 | agrees | Linux 3.15 drivers/hv/hv_fcopy.c
debian 8 | ws2012r2 | vrss | works | no 2016-10, no 2016-10 | differs | Linux 3.15 drivers/net/hyperv/netvsc.c
debian 8 | ws2016 | time-accuracy | fails | no 2016-10, no 2016-10 | agrees | Linux 4.9 hv_util.c: 4.0; 3.16 has 3.0
debian 10 | ws2016 | time-accuracy | works | yes 2023-09, yes 2016-10 | agrees | Linux 4.9 hv_util.c: 4.0
debian 10 | ws2016 | virtual-fc | works | no 2023-09, no 2016-10 | differs | Linux 4.19 drivers/scsi/storvsc_drv.c, id_table
debian 11 | ws2019 | kvp | works | yes 2023-09 | agrees | Debian 11, 5.10.0-32-686, run
debian 11 | ws2019 | lsvmbus | no-driver | no 2023-09 | agrees | hyperv-daemons 5.10.223-1: no lsvmbus among its files
debian 11 | ws2019 | static-ip-injection | fails | no 2023-09 | agrees | hyperv-daemons 5.10.223-1: no hv_set_ifconfig among its files
ubuntu 22.04 | ws2008r2 | jumbo-frames | works | | not-covered | balabit 9 fad9c91122: 5.3 to 0.13
ubuntu 24.04 | ws2008r2 | jumbo-frames | fails | | not-covered | Linux a6b94c6b4919 (5.19): 2.4 at least
ubuntu 18.04 | ws2008r2 | kvp | works | yes 2019-06 | agrees | balabit 7 1db76b4138 drivers/hv/hv_kvp.c
ubuntu 20.04 | ws2016 | dm-hot-add | works | yes 2023-09, yes 2020-08 | agrees | balabit 8 f02bfe1432 drivers/hv/hv_balloon.c
ubuntu 22.04 | ws2022 | vlan-tagging | works | yes 2023-09 | agrees | balabit 9 fad9c91122 netvsc_drv.c
sles 11 sp3 | ws2012r2 | live-backup | works | yes 2023-09, yes 2016-10 | agrees | chargen ccab9909db msft-hv-0485: hv_snapshot.c
sles 11 sp3 | ws2012r2 | virtual-fc | no-driver | yes 2023-09, yes 2016-10 | differs | chargen ccab9909db: HV_SYNTHFC_GUID in no id_table
sles 11 sp4 | ws2012r2 | virtual-fc | works | yes 2023-09, yes 2016-10 | agrees | chargen 4b89d0c698 msft-hv-0520: storvsc_drv.c, id_table
sles 11 sp4 | ws2012r2 | trim | works | yes 2023-09, yes 2016-10 | agrees | chargen 4b89d0c698 msft-hv-0716: SPC-3
sles 12 sp1 | ws2016 | tso-checksum | works | yes 2023-09, yes 2016-10 | agrees | chargen 8d714a0f38 msft-hv-0627: netvsc_drv.c
sles 12 sp3 | ws2016 | time-accuracy | works | yes 2023-09, yes 2016-10 | agrees | colyli/1056134 5f5dca20ea hv_util.c
sles 12 sp3 | ws2012r2 | vrss | works | yes 2023-09, yes 2016-10 | agrees | colyli/1056134 5f5dca20ea netvsc.c
sles 12 sp5 | azurelocal | time-accuracy | works | no 2023-09 | differs | matwey/kernel-source 8337bd6f: 4.0
sles 15 sp1 | azurelocal | jumbo-frames | works | yes 2023-09 | agrees | Linux 4.14 netvsc_drv.c
sles 11 sp3 | ws2008r2 | jumbo-frames | works | yes 2016-10 | agrees | Linux 3.2 netvsc_drv.c
# PAE: whether there is a 32-bit x86 kernel at all is documented, and no guest here has RAM that tells one with it.
rhel 7.9 | ws2016 | pae-kernel | not-applicable | n/a 2025-06, n/a 2023-09 | agrees | access.redhat.com/solutions/509373: none from 7 on
rhel 9.4 | ws2022 | pae-kernel | not-applicable | no 2025-06, no 2023-09 | agrees | access.redhat.com/solutions/509373: none from 7 on
rhel 6.8 | ws2016 | pae-kernel | not-run | yes 2023-09, yes 2019-06 | not-measured | no RAM above 4 GiB
oracle uek3 qu2 | ws2016 | pae-kernel | not-applicable | n/a 2017-06 | agrees | UEK R3 release notes, 1.1.2: not for 32-bit x86
oracle 7.0 rhck + lis 4.2 | ws2016 | pae-kernel | not-applicable | partial 2017-06 | agrees | Oracle Linux 7.0 release notes, 1.1: x86-64; "6.x only"
sles 12 sp1 | ws2016 | pae-kernel | not-applicable | n/a 2023-09, n/a 2016-10 | agrees | chargen 8d714a0f38 config.conf: no i386
sles 11 sp4 | ws2016 | pae-kernel | not-run | yes 2023-09, yes 2016-10 | not-measured | no RAM above 4 GiB; chargen 4b89d0c698 config/i386/pae
ubuntu 20.04 | ws2019 | pae-kernel | not-applicable | yes 2023-09, yes 2020-08 | differs | discourse.ubuntu.com/t/11263: none from 19.10 on
ubuntu 18.04 | ws2016 | pae-kernel | not-run | yes 2023-09, yes 2020-08, yes 2019-06 | not-measured | no RAM above 4 GiB
debian 11 | ws2019 | pae-kernel | not-run | yes 2023-09 | not-measured | no RAM above 4 GiB
freebsd 12.1 | ws2016 | pae-kernel | not-run | no 2025-06, no 2023-09, no 2020-04 | not-measured | no RAM above 4 GiB
# FreeBSD: 9.3 has no driver of its own, the port emulators/hyperv-is brings them.
freebsd 9.3 | ws2012r2 | kvp | no-driver | | not-covered | dcui/FreeBSD-9.3_kernel 8087198: no sys/dev/hyperv
freebsd 9.3 + port | ws2012r2 | kvp | works | yes 2020-04, yes 2017-08 | agrees | dcui/FreeBSD-9.3_kernel 39d9caa hv_kvp.c
freebsd 9.3 + port | ws2012r2 | core | partial | yes 2020-04, yes 2017-08 | not-measured | dcui/FreeBSD-9.3_kernel 39d9caa
freebsd 9.3 + port | ws2012r2 | trim | fails | no 2020-04, no 2017-08 | agrees | dcui/FreeBSD-9.3_kernel 39d9caa: SPC-2
freebsd 10.2 | ws2012r2 | trim | fails | no 2020-04, no 2017-08 | agrees | dcui/FreeBSD-9.3_kernel 39d9caa: SPC-2
freebsd 10.4 | ws2012r2 | trim | works | no 2023-09 | differs | coder03/freebsd10.4 3d3f8b11 hv_storvsc_drv_freebsd.c
freebsd 11.0 | ws2016 | live-backup | no-driver | yes 2025-06, no 2020-04, no 2017-08 | grid-conflict | FreeBSD 11.1 hv_snapshot.c is the first
freebsd 12.1 | ws2019 | kvp | works | yes 2025-06, yes 2023-09, yes 2020-04 | agrees | jimskon/FreeBSDDevPF 47cc6eec hv_kvp.c
freebsd 13.2 | ws2022 | jumbo-frames | works | yes 2025-06 | agrees | FreeBSD sys/dev/hyperv/netvsc/if_hn.c, hn_ioctl
freebsd 13.2 | ws2019 | tso-checksum | works | yes 2025-06 | agrees | FreeBSD sys/dev/hyperv/netvsc/if_hn.c, hn_encap
freebsd 13.2 | ws2019 | vhdx-resize | works | yes 2025-06 | agrees | FreeBSD sys/cam/scsi/scsi_da.c, daasync: 2Ah/09h, dareprobe
freebsd 13.2 | ws2019 | vrss | works | yes 2025-06 | agrees | FreeBSD if_hn.c, hn_rss_ind_sysctl and hn_chan_attach
freebsd 10.2 | ws2016 | lro | fails | no 2020-04, no 2017-08 | agrees | Cloudxtreme/InfoSecBSD 601ae7e6: hn without IFCAP_LRO
freebsd 10.4 | ws2016 | lro | works | yes 2023-09 | agrees | coder03/freebsd10.4 3d3f8b11 if_hn.c, hn_lro_rx
freebsd 11.0 | ws2008r2 | lro | works | yes 2017-08 | agrees | before coder03/freebsd10.4 3d3f8b11 if_hn.c, hn_lro_rx
freebsd 13.2 | ws2022 | lro | works | yes 2025-06 | agrees | after sunrash/freebsd_steroid 9246be31 if_hn.c, hn_lro_rx
freebsd 10.2 | ws2016 | vrss | fails | no 2020-04, no 2017-08 | agrees | FreeBSD 11.0 if_hn.c is the first with hn_rss_ind_sysctl
freebsd 12.1 | ws2016 | sr-iov | partial | yes 2025-06, yes 2023-09, no 2020-04 | grid-conflict | FreeBSD if_hn.c, hn_xpnt_vf_init
freebsd 13.2 | ws2022 | dm-ballooning | no-driver | no 2025-06 | agrees | FreeBSD sys/dev/hyperv: no dynamic memory
freebsd 13.2 | ws2022 | file-copy | no-driver | no 2025-06 | agrees | FreeBSD sys/dev/hyperv: no file copy
freebsd 13.2 | ws2022 | virtual-fc | no-driver | no 2025-06 | agrees | FreeBSD hv_storvsc_drv_freebsd.c: SCSI and IDE
freebsd 13.2 | ws2022 | lsvmbus | not-applicable | no 2025-06 | agrees | a tool of Linux
freebsd 13.2 | ws2019 | live-migration | works | yes 2025-06 | agrees | FreeBSD sys/dev/hyperv
# No grid has rows for Windows. Windows 11 runs in generation 2 alone, which began with 2012 R2.
windows server 2025 | ws2025 | core | partial | | not-covered | integration services are built in
windows 11 24h2 | ws2022 | kvp | works | | not-covered | Windows 11 requirements: UEFI
windows 11 21h2 | ws2012 | kvp | not-offered | | not-covered | Should I create a generation 1 or 2 virtual machine
windows 11 21h2 | ws2016 | dm-ballooning | works | | not-covered | dynamic memory of Windows 10 and later
windows server 2019 | ws2022 | lsvmbus | not-applicable | | not-covered | a tool of Linux
windows server 2012 r2 | ws2016 | vrss | works | | not-covered | dn383582: vRSS of 2012 R2, turned on in the virtual machine
windows server 2012 | ws2016 | vrss | fails | | not-covered | dn383582: not before 2012 R2
windows server 2019 | ws2019 | lro | works | | not-covered | RSC in the vSwitch: of 2019, for adapters of guests
windows server 2016 | ws2019 | lro | fails | | not-covered | RSC in the vSwitch: not before 2019
windows server 2019 | ws2019 | sr-iov | partial | | not-covered | Hyper-V SR-IOV overview: from 2012 on
windows server 2012 | ws2019 | sr-iov | not-run | | not-covered | of 2012, whose newest NVSP is 4: no source tells how it asks there
windows server 2008 r2 | ws2019 | sr-iov | fails | | not-covered | Hyper-V SR-IOV overview: not before 2012
windows server 2022 | ws2022 | vlan-tagging | not-run | | not-covered | no source tells of interfaces of VLANs in a guest
windows server 2019 | ws2022 | trim | works | | not-covered | its disk driver sends UNMAP
`

export const SPOT_CHECKS: readonly SpotCheck[] = TABLE.trim()
  .split('\n')
  .filter((line) => !line.startsWith('#'))
  .map((line) => {
    const cells = line.split('|').map((cell) => cell.trim())
    if (cells.length !== 7) throw new Error(line)
    const [release = '', host = '', feature = '', outcome = '', published = '', verdict = '', source = ''] = cells
    return { release, host, feature, outcome, published, verdict, source }
  })
