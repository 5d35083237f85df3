import type { FreebsdDisk, FreebsdGeneration, FreebsdInterface } from '@vmbus/guest-freebsd'
import type { GuestOptions, World } from '@vmbus/simulation'
import type { StageTools } from '../probes/stage.ts'
import {
  functionsOf,
  packetsOf,
  receivedBy,
  stageNet,
  taken,
  type GuestDisk,
  type Surface,
  type Waits,
} from './surface.ts'

function guestDisk(disk: FreebsdDisk): GuestDisk {
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
    read: (offset, bytes) => disk.read(offset / sectorSize, bytes / sectorSize),
    write: (offset, data) => disk.write(offset / sectorSize, data),
    flush: () => disk.flush(),
    discard: (offset, bytes) => disk.delete(offset / sectorSize, bytes / sectorSize),
    take: (id) => disk.take(id),
  }
}

/** ifconfig(8) and sysctl(8). */
const tools = (hn0: FreebsdInterface, waits: Waits): StageTools => ({
  addVlan: (id) => stageNet(hn0.addVlan(id), waits),
  get offloads() {
    const { features } = hn0
    return { checksum: features['tx-checksum-ipv4'], packets: packetsOf(hn0) }
  },
  coalescing: { set: (on) => taken(() => hn0.setLro(on)) },
  scaling: {
    get received() {
      return receivedBy(hn0)
    },
    setTable: (table) => taken(() => hn0.setRss(table)),
  },
  functions: functionsOf(hn0),
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
      return guest.surface.disks.map(guestDisk)
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
