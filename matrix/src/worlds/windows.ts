import type { WindowsAdapter, WindowsDisk, WindowsGeneration } from '@vmbus/guest-windows'
import { registryPools } from '@vmbus/kvp'
import type { GuestOptions, World } from '@vmbus/simulation'
import type { StageTools } from '../probes/stage.ts'
import { functionsOf, receivedBy, stageNet, taken, type GuestDisk, type Surface, type Waits } from './surface.ts'

function guestDisk(disk: WindowsDisk): GuestDisk {
  const { name, sectorSize } = disk
  return {
    name,
    sectorSize,
    get size() {
      return disk.size
    },
    get physicalSectorSize() {
      return disk.physicalSectorSize
    },
    get readOnly() {
      return disk.readOnly
    },
    get canDiscard() {
      return disk.canUnmap
    },
    read: (offset, bytes) => disk.read(offset / sectorSize, bytes / sectorSize),
    write: (offset, data) => disk.write(offset / sectorSize, data),
    flush: () => disk.flush(),
    discard: (offset, bytes) => disk.unmap(offset / sectorSize, bytes / sectorSize),
    take: (id) => disk.take(id),
  }
}

/** PowerShell, and what the stack above the driver asks of it. */
const tools = (adapter: WindowsAdapter): StageTools => ({
  coalescing: { set: (on) => taken(() => adapter.setRsc(on)) },
  scaling: {
    get received() {
      return receivedBy({ queues: adapter.statistics })
    },
    setTable: (table) => taken(() => adapter.setRss(table)),
  },
  functions: functionsOf(adapter),
})

export function windowsSurface(
  world: World,
  generation: WindowsGeneration,
  options: GuestOptions,
  waits: Waits,
): Surface {
  const guest = world.guest(generation, options)
  return {
    guest,
    get disks() {
      return guest.surface.disks.map(guestDisk)
    },
    net() {
      const { surface } = guest
      const adapter = surface.net(surface.adapters[0] ?? 'Ethernet')
      return stageNet(
        {
          name: adapter.name,
          get exists() {
            return adapter.exists
          },
          get mac() {
            return adapter.mac
          },
          get mtu() {
            return adapter.mtu
          },
          get carrier() {
            return adapter.isConnected
          },
          get isUp() {
            return adapter.isEnabled
          },
          get address() {
            return adapter.address
          },
          up: () => adapter.enable(),
          down: () => adapter.disable(),
          setMtu: (mtu) => adapter.setMtu(mtu),
          setAddress: (address) => adapter.setAddress(address),
          send: (frame) => adapter.send(frame),
          onFrame: (listener) => adapter.onFrame(listener),
          ping: (address, request) => adapter.ping(address, request),
        },
        waits,
        tools(adapter),
      )
    },
    // Nothing here stands for HBA_GetAdapterAttributes.
    ports: () => undefined,
    keyValues: () => registryPools(guest.surface.registry),
    memory() {
      const { total, available, ballooned } = guest.surface.memory
      return { total, available, ballooned }
    },
    files: { folder: 'C:\\Temp', separator: '\\', read: (path) => guest.surface.files.read(path) },
    get frozen() {
      return guest.surface.writers.some(({ state }) => state === 'frozen')
    },
    // What Device Manager shows below the bus.
    listed: () => guest.bus.devices.map(({ interfaceId, instanceId }) => ({ interfaceId, instanceId })),
  }
}
