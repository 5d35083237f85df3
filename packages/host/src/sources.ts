/** Where the facts of the profiles were read. */
export const Source = {
  bus: 'Linux 6.1 include/linux/hyperv.h, comments on versions; OpenVMM 1488a37b vmbus_core/src/protocol.rs, Version',
  community: 'acidanthera/MacHyperVSupport 9adc712b Docs/HyperV-versions.md, a community table',
  communityDevices: 'acidanthera/MacHyperVSupport 9adc712b Docs/HyperV-devices.md, a community table',
  component: 'LIS/lis-next 4.1.3 hv-rhel7.x/hv/hv_util.c, switch on the VMBus version',
  kvp: 'LIS/lis-next 4.0.11 hv-rhel7.x/hv/hv_kvp.c, switch on the VMBus version',
  kvp5: 'event log of a 2012 R2 host (negotiated 4.0, expected 5.0), quoted in LIS/lis-next issue 593',
  vss: 'OpenVMM 1488a37b hyperv_ic_protocol, versions of VSS and the releases that they are named after',
  fcopy: 'Linux 6.1 drivers/hv/hv_fcopy.c; integration services page: file copy begins with 2012 R2',
  shutdown: 'OpenVMM 1488a37b hyperv_ic_protocol has 3.1 and 3.2; which build was first is concluded',
  netvsc: 'OpenVMM 1488a37b netvsp protocol.rs, comments; Linux 6.1 hyperv_net.h; vRSS needs 2012 R2, RSC Server 2019',
  storvsc: 'Linux 6.1 drivers/scsi/storvsc_drv.c, comment on versions; OpenVMM 1488a37b storvsp_protocol',
  balloon: 'Linux 6.1 drivers/hv/hv_balloon.c, names of the versions',
  gpadl: 'Linux Documentation/virt/hyperv/vmbus.rst',
  flags: 'OpenVMM 1488a37b vmbus_core/src/protocol.rs, FeatureFlags: with version 6.0 only',
  copperFlags: 'microsoft/mu_msvm 9feb53ed ChannelMessages.h, flags of Copper; that this build has them is concluded',
  semesters: "Microsoft's order of code names: Iron 20348, Nickel 22621, Copper, Germanium 26100",
  limits: 'windowsserverdocs 07dbd0a3 plan-hyper-v-scalability-in-windows-server.md',
  guests: 'windowsserverdocs 01d8846c Supported-Windows-guest-operating-systems-for-Hyper-V-on-Windows.md',
  oldGuests: 'windowsserverdocs fb74c56a Supported-Windows-guest-operating-systems-for-Hyper-V-on-Windows.md',
  configuration: 'windowsserverdocs 030ee582 Upgrade-virtual-machine-version-in-Hyper-V.md',
  generations: 'windowsserverdocs 0ea820e9 Should-I-create-a-generation-1-or-2-virtual-machine-in-Hyper-V.md',
  guestNetwork:
    'learn.microsoft.com hyperv_v2, Msvm_VirtualSystemManagementService.SetGuestNetworkAdapterConfiguration: minimum supported server',
  hotAdd: 'Linux 6.1 drivers/hv/hv_balloon.c, enum dm_message_type: hot add is one of the messages of version 0.3',
  subChannels:
    'Linux drivers/net/hyperv/hyperv_net.h: sub-channels are asked for by messages of NVSP 5, that of 2012 R2',
  liveBackup:
    'Linux drivers/hv/hv_snapshot.c, hv_vss_init: backup of Linux is for hosts from VMBus 3.0 on, that of 2012 R2',
  onlineResize:
    'Resize-VHD, as of Windows 8 (hh848535, offline only) and later (SCSI disks of running machines as well); windowsitpro.com, Windows Server 2012 R2 Hyper-V: what is new, part 2',
  unmap:
    'Linux drivers/scsi/storvsc_drv.c, storvsc_device_configure: SPC-3 and so UNMAP on hosts of Windows 8; workinghardinit.wordpress.com, Windows Server 2012 VHDX thin provisioning benefits explored',
  portNames:
    'Linux drivers/scsi/storvsc_drv.c, storvsc_channel_init: each Fibre Channel adapter is asked for its names, and one that does not answer is refused; adapters began with 2012',
  new2016: 'windowsserverdocs c4632f44 What-s-new-in-Hyper-V-on-Windows.md, Windows Server 2016, marked new',
  coalescing:
    'opnsense/src cdc59163ff8e (FreeBSD a491581): RSC in the vSwitch is of Windows Server 2019 and later, and needs NVSP 6.1',
  grid: 'oldest host that the rows of the Linux and FreeBSD guest pages of 2016 to 2020 name',
} as const
