import type { FreebsdDisk, FreebsdGeneration, FreebsdInterface } from '@vmbus/guest-freebsd'
import type { GuestOptions, World } from '@vmbus/simulation'
import type { StageDisk, StageTools } from '../probes/stage.ts'
import { ended, stageNet, type Surface, type Waits } from './surface.ts'

function stageDisk(disk: FreebsdDisk, waits: Waits): StageDisk {
  const take = (id: number): ReturnType<FreebsdDisk['take']> => disk.take(id)
  const { name, sectorSize } = disk
  return {
    name,
    sectorSize,
    get size() {
      return disk.size
    },
    get physicalSectorSize() {
      return disk.stripeSize
    },
    get readOnly() {
      return disk.readOnly
    },
    get canDiscard() {
      return disk.canDelete
    },
    read: (offset, bytes) => ended(waits, disk.read(offset / sectorSize, bytes / sectorSize), take),
    write: (offset, data) => ended(waits, disk.write(offset / sectorSize, data), take),
    flush: () => ended(waits, disk.flush(), take),
    discard: (offset, bytes) => ended(waits, disk.delete(offset / sectorSize, bytes / sectorSize), take),
  }
}

/** ifconfig(8). */
const tools = (hn0: FreebsdInterface, waits: Waits): StageTools => ({
  addVlan: (id) => stageNet(hn0.addVlan(id), waits),
  get offloads() {
    const { features } = hn0
    return { checksum: features['tx-checksum-ipv4'], segment: features['tx-tcp-segmentation'] }
  },
})

export function freebsdSurface(
  world: World,
  generation: FreebsdGeneration,
  options: GuestOptions,
  waits: Waits,
): Surface {
  const guest = world.guest(generation, options)
  const pages = (options.memoryMB ?? 0) * 256
  return {
    guest,
    get disks() {
      return guest.surface.disks.map((disk) => stageDisk(disk, waits))
    },
    net() {
      const hn0 = guest.surface.net('hn0')
      return stageNet(hn0, waits, tools(hn0, waits))
    },
    // It drives none.
    ports: () => [],
    keyValues: () => guest.surface.daemon('kvp'),
    // It has no driver of dynamic memory: nothing comes or goes.
    memory: () => ({ total: pages, available: pages, ballooned: 0 }),
    // Nor one of file copy.
    files: { folder: '/tmp', separator: '/', read: () => undefined },
    get frozen() {
      return guest.surface.daemon('vss').frozen
    },
    // lsvmbus is a tool of Linux; `sysctl dev` shows the same of FreeBSD.
    listed: () =>
      guest.bus.devices
        .filter(({ driver }) => driver !== undefined)
        .map(({ interfaceId, instanceId }) => ({ interfaceId, instanceId })),
  }
}
