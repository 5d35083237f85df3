import type { WindowsDisk, WindowsGeneration } from '@vmbus/guest-windows'
import { registryPools } from '@vmbus/kvp'
import type { GuestOptions, World } from '@vmbus/simulation'
import type { StageDisk } from '../probes/stage.ts'
import { ended, stageNet, type Surface, type Waits } from './surface.ts'

function stageDisk(disk: WindowsDisk, waits: Waits): StageDisk {
  const take = (id: number): ReturnType<WindowsDisk['take']> => disk.take(id)
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
    read: (offset, bytes) => ended(waits, disk.read(offset / sectorSize, bytes / sectorSize), take),
    write: (offset, data) => ended(waits, disk.write(offset / sectorSize, data), take),
    flush: () => ended(waits, disk.flush(), take),
    discard: (offset, bytes) => ended(waits, disk.unmap(offset / sectorSize, bytes / sectorSize), take),
  }
}

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
      return guest.surface.disks.map((disk) => stageDisk(disk, waits))
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
