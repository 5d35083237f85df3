import type { LinuxDisk, LinuxGeneration, LinuxInterface, LinuxSurface } from '@vmbus/guest-linux'
import type { GuestOptions, World } from '@vmbus/simulation'
import type { ListedDevice, StagePort, StageTools } from '../probes/stage.ts'
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

const SECTOR = 512

function guestDisk(disk: LinuxDisk): GuestDisk {
  const { name } = disk
  return {
    name,
    get size() {
      return disk.size
    },
    get sectorSize() {
      return disk.logicalBlockSize
    },
    get physicalSectorSize() {
      return disk.physicalBlockSize
    },
    get readOnly() {
      return disk.readOnly
    },
    get canDiscard() {
      return disk.canDiscard
    },
    read: (offset, bytes) => disk.read(offset / SECTOR, bytes / SECTOR),
    write: (offset, data) => disk.write(offset / SECTOR, data),
    flush: () => disk.flush(),
    discard: (offset, bytes) => disk.discard(offset / SECTOR, bytes / SECTOR),
    take: (id) => disk.take(id),
  }
}

/** `ip` and `ethtool`. */
const tools = (eth0: LinuxInterface, waits: Waits): StageTools => ({
  addVlan: (id) => stageNet(eth0.addVlan(id), waits),
  get offloads() {
    const { features } = eth0
    return { checksum: features['tx-checksum-ipv4'], packets: packetsOf(eth0) }
  },
  coalescing: {
    set: (on) => taken(() => eth0.setFeature('large-receive-offload', on)),
  },
  scaling: {
    get received() {
      return receivedBy(eth0)
    },
    setTable: (table) => taken(() => eth0.setRss({ table })),
  },
  functions: functionsOf(eth0),
})

const CLASS = /([^/]+)\/class_id$/

/** What lsvmbus reads of sysfs. */
function listedIn(files: ReturnType<LinuxSurface['sysfs']>): readonly ListedDevice[] {
  return Object.entries(files).flatMap(([path, text]) => {
    const [, instanceId] = CLASS.exec(path) ?? []
    return instanceId === undefined ? [] : [{ instanceId, interfaceId: text.trim().replaceAll(/[{}]/g, '') }]
  })
}

const PORT = /^(.*\/fc_host\/host\d+)\/port_name$/
const name = (text = ''): string => text.trim().replace('0x', '')

/** The class of Fibre Channel hosts. */
function portsIn(files: ReturnType<LinuxSurface['sysfs']>): readonly StagePort[] {
  return Object.entries(files).flatMap(([path, text]) => {
    const [, host] = PORT.exec(path) ?? []
    return host === undefined ? [] : [{ port: name(text), node: name(files[`${host}/node_name`]) }]
  })
}

export function linuxSurface(world: World, generation: LinuxGeneration, options: GuestOptions, waits: Waits): Surface {
  const guest = world.guest(generation, options)
  return {
    guest,
    get disks() {
      return guest.surface.disks.map(guestDisk)
    },
    net() {
      const eth0 = guest.surface.net('eth0')
      return stageNet(eth0, waits, tools(eth0, waits))
    },
    ports: () => portsIn(guest.surface.sysfs()),
    keyValues: () => guest.surface.daemon('kvp'),
    memory() {
      const { total, free, ballooned } = guest.surface.memory
      return { total, available: free, ballooned }
    },
    files: { folder: '/tmp', separator: '/', read: (path) => guest.surface.files.read(path) },
    get frozen() {
      return guest.surface.daemon('vss').frozen
    },
    listed: () => (generation.capabilities.lsvmbus ? listedIn(guest.surface.sysfs()) : []),
  }
}
