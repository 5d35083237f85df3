import { netvsc } from '@vmbus/netvsc'
import { networkDriver } from '@vmbus/netvsc/stack'
import { linuxNet, netInterfaces } from '../net/index.ts'
import type { LinuxModule } from './module.ts'

/** netvsc_drv.c, netvsc_devinfo_get: as many whole sections as fit in 1 MiB; NETVSC_SEND_SECTION_SIZE is 6144. */
const SEND_BUFFER_BYTES = 170 * 6144

/** drivers/net/hyperv, with the network stack over the interfaces that it makes. */
export const hvNetvsc: LinuxModule = {
  name: 'hv_netvsc',
  kinds: [netvsc.kind],
  drivers({ capabilities, quirks, services }) {
    const system = linuxNet(capabilities, services.service('net', netInterfaces))
    const options = {
      versions: capabilities.netvsc,
      sendBufferBytes: SEND_BUFFER_BYTES,
      requestOffset: capabilities.rndisRequestAt,
      checksum: capabilities.checksum,
      lso: capabilities.tso,
      rsc: capabilities.rsc,
      sriov: capabilities.vf !== 'none',
      channels: capabilities.vrss ? undefined : 1,
      keepsSetupIds: quirks.has('setup-ids-kept'),
    }
    const { kind, interfaceIds } = netvsc
    return [{ kind, interfaceIds, create: (deps) => networkDriver(options, system, deps) }]
  },
}
