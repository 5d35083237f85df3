import type { CauseRule } from './cause.ts'
import { finding, of } from './fits.ts'

const OLD_HOSTS = ['ws2008', 'ws2008r2', 'ws2012']

/** What hosts do earlier than the pages say. */
export const HOSTS: readonly CauseRule[] = [
  finding(
    'balloon-on-2008r2',
    'Linux asks for dynamic memory 0.3, the version of Windows Server 2008 R2 SP1, and answers its balloon requests. The pages name Windows Server 2012 as the first host of ballooning.',
    'Linux 6.1 drivers/hv/hv_balloon.c, DYNMEM_PROTOCOL_VERSION_WIN7 is 0.3',
    { features: ['dm-ballooning'], we: 'have', hosts: ['ws2008r2'] },
  ),
  finding(
    'fibre-channel-on-2012',
    'Windows Server 2012 offers the Fibre Channel adapter, with storage protocol 5.1. The rows of the pages begin with 2012 R2.',
    'acidanthera/MacHyperVSupport 9adc712b Docs/HyperV-devices.md; Linux drivers/scsi/storvsc_drv.c, storvsc_probe',
    { features: ['virtual-fc'], we: 'have', hosts: ['ws2012'] },
  ),
  finding(
    'processors-of-old-hosts',
    'Windows Server 2016 and 2019 give a virtual machine 240 processors at most, and earlier hosts 64 or fewer. The row for more than 256 leaves its host cell blank, which reads as every host of the page.',
    'Plan for Hyper-V scalability in Windows Server, at 07dbd0a3: 240 virtual processors, and 2012 R2 as 2012',
    { features: ['vcpu-256'], we: 'lack', hosts: [...OLD_HOSTS, 'ws2012r2', 'ws2016', 'ws2019'] },
  ),
  finding(
    'unmap-on-2012',
    'Windows Server 2012 takes UNMAP for its VHDX images, and Linux claims SPC-3 for disks of that host so as to send it. The rows of the pages begin with 2012 R2.',
    'Linux drivers/scsi/storvsc_drv.c, storvsc_device_configure: VMSTOR_PROTO_VERSION_WIN8; blog.workinghardinit.work 2012-11-20, Windows Server 2012 VHDX Thin Provisioning Benefits Explored',
    { features: ['trim'], we: 'have', hosts: ['ws2012'] },
  ),
  finding(
    'port-names-on-2012',
    'Linux asks every Fibre Channel adapter for the names of its port and refuses one without, and Windows Server 2012 offers such adapters. The rows of the pages begin with 2012 R2.',
    'Linux drivers/scsi/storvsc_drv.c, storvsc_channel_init: VSTOR_OPERATION_FCHBA_DATA',
    { features: ['scsi-wwn'], we: 'have', hosts: ['ws2012'] },
  ),
  finding(
    'hot-add-on-2008r2',
    'Adding memory is one of the messages of dynamic memory 0.3, which Windows Server 2008 R2 SP1 speaks. The pages name Windows Server 2012 as the first host of it.',
    'Linux 6.1 drivers/hv/hv_balloon.c, enum dm_message_type: DM_MEM_HOT_ADD_REQUEST is at or below DM_VERSION_03_MAX',
    { features: ['dm-hot-add'], we: 'have', hosts: ['ws2008r2'] },
  ),
  finding(
    'azure-local-left-out',
    'Azure Local speaks the protocols of Windows Server 2022. The rows of the SUSE page for these features stop at Windows Server 2022 while its other rows name Azure Stack HCI.',
    'OpenVMM 1488a37b vmbus_core/src/protocol.rs, Version: a host accepts every version up to its newest',
    {
      features: ['time-accuracy', 'runtime-memory-resize'],
      we: 'have',
      hosts: ['azurelocal'],
      releases: of('sles'),
    },
  ),
]
