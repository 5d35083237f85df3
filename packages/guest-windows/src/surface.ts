import { windowsAdapter, type WindowsAdapter } from './devices/adapters.ts'
import type { WindowsDisk } from './devices/drives.ts'
import type { ServiceName, WindowsService } from './services/controller.ts'
import type { WindowsTime } from './services/time.ts'
import type { WindowsWriter } from './services/writers.ts'
import type { WindowsFiles } from './system/files.ts'
import type { WindowsMemory } from './system/memory.ts'
import type { WindowsRegistry } from './system/registry.ts'
import type { WindowsSystem } from './system/system.ts'

/** What the operating system shows beside its bus. */
export interface WindowsSurface {
  /** HKEY_LOCAL_MACHINE. */
  readonly registry: Omit<WindowsRegistry, 'save' | 'restore'>
  readonly services: readonly WindowsService[]
  /** Throws VMBUS_WINDOWS_SERVICE for one that the release does not have. */
  service(name: ServiceName): WindowsService
  /** Names of the adapters that are there. */
  readonly adapters: readonly string[]
  /** The adapter of this name, such as `Ethernet`, there or not. */
  net(name: string): WindowsAdapter
  readonly disks: readonly WindowsDisk[]
  /** A disk by its name, such as `PhysicalDrive0`; undefined while there is none. */
  disk(name: string): WindowsDisk | undefined
  readonly memory: WindowsMemory
  /** As `vssadmin list writers` shows them. */
  readonly writers: readonly WindowsWriter[]
  readonly time: WindowsTime
  /** Files that came from the host. */
  readonly files: WindowsFiles
}

export function windowsSurface(system: WindowsSystem): WindowsSurface {
  const { registry, services, adapters, drives, memory, writers, time, files } = system
  return {
    registry,
    get services() {
      return services.names.map((name) => services.service(name))
    },
    service: (name) => services.service(name),
    get adapters() {
      return [...adapters.all.keys()]
    },
    net: (name) => windowsAdapter(adapters, name),
    get disks() {
      return drives.disks
    },
    disk: (name) => drives.find(name),
    memory: {
      get total() {
        return memory.total()
      },
      get available() {
        return memory.available()
      },
      get ballooned() {
        return memory.ballooned
      },
    },
    get writers() {
      return writers.list
    },
    time,
    files,
  }
}
