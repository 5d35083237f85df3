import { LINUX, LINUX_5_10, storvsc, type StorvscBehaviour } from '@vmbus/storvsc'
import { FC_INTERFACE, VstorVersion } from '@vmbus/storvsc/protocol'
import { linuxStorage, scsiHosts } from '../scsi/index.ts'
import type { LinuxModule, ModuleContext } from './module.ts'

/** What this kernel's driver does in its own way. */
export function storvscBehaviour({
  capabilities,
  quirks,
}: Pick<ModuleContext, 'capabilities' | 'quirks'>): Partial<StorvscBehaviour> {
  return {
    // A driver that speaks 4.2 begins with the packets of 4.2 and knows better once a version is agreed on.
    ...(capabilities.storvsc.includes(VstorVersion.v4_2) ? LINUX_5_10 : LINUX),
    ...(quirks.has('storvsc-forced-success') ? {} : { forcedSuccess: [] }),
    rawOverrun: quirks.has('storvsc-raw-overrun'),
  }
}

/** drivers/scsi/storvsc_drv.c, with the SCSI midlayer and the disk driver that its units have. */
export const hvStorvsc: LinuxModule = {
  name: 'hv_storvsc',
  kinds: [storvsc.kind],
  drivers(context) {
    const { capabilities, services, slab } = context
    const hosts = services.service('scsi', scsiHosts)
    const {
      storvsc: versions,
      vpd,
      sizedPages,
      hotLun,
      capacityChange,
      wwn,
      fibreChannel,
      storageChannels,
    } = capabilities
    const behaviour = storvscBehaviour(context)
    return [
      {
        kind: storvsc.kind,
        interfaceIds: storvsc.interfaceIds.filter((id) => fibreChannel || id !== FC_INTERFACE),
        create: (deps) =>
          linuxStorage(
            {
              versions,
              behaviour,
              hosts,
              vpd,
              sizedPages,
              hotLun,
              capacityChange,
              slab,
              asksNames: wwn,
              subchannels: storageChannels ? undefined : 0,
            },
            deps,
          ),
      },
    ]
  },
}
