import { LINUX, LINUX_5_10, storvsc } from '@vmbus/storvsc'
import { VstorVersion } from '@vmbus/storvsc/protocol'
import { linuxStorage, scsiHosts } from '../scsi/index.ts'
import type { LinuxModule } from './module.ts'

/** drivers/scsi/storvsc_drv.c, with the SCSI midlayer and the disk driver that its units have. */
export const hvStorvsc: LinuxModule = {
  name: 'hv_storvsc',
  kinds: [storvsc.kind],
  drivers({ capabilities, services, slab }) {
    const hosts = services.part('scsi', scsiHosts)
    const { storvsc: versions, sizedPages } = capabilities
    // A driver that speaks 4.2 begins with the packets of 4.2 and knows better once a version is agreed on.
    const behaviour = versions.includes(VstorVersion.v4_2) ? LINUX_5_10 : LINUX
    return [
      {
        kind: storvsc.kind,
        interfaceIds: storvsc.interfaceIds,
        create: (deps) => linuxStorage({ versions, behaviour, hosts, sizedPages, slab }, deps),
      },
    ]
  },
}
