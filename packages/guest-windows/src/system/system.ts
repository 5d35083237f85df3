import type { GuestServices } from '@vmbus/core'
import { REGISTRY_KEYS } from '@vmbus/kvp'
import { interfaceTable, type InterfaceTable } from '@vmbus/netvsc/stack'
import { adapterNames } from '../devices/adapters.ts'
import { driveTable, type DriveTable } from '../devices/drives.ts'
import type { WindowsOptions } from '../options.ts'
import type { WindowsCapabilities } from '../releases/types.ts'
import type { WindowsRelease } from '../releases/types.ts'
import { autoValues, type Identity } from '../services/data-exchange.ts'
import { serviceController, type ServiceController, type ServiceName } from '../services/controller.ts'
import { timeService, type TimeService } from '../services/time.ts'
import { DEFAULT_WRITERS, writers, type Writers } from '../services/writers.ts'
import { fileStore, type FileStore } from './files.ts'
import { memoryAccounts, type MemoryAccounts } from './memory.ts'
import { RegistryType, windowsRegistry, type WindowsRegistry } from './registry.ts'

/** What the drivers and the surface of one life share. */
export interface WindowsSystem {
  readonly registry: WindowsRegistry
  readonly services: ServiceController
  readonly time: TimeService
  readonly writers: Writers
  readonly files: FileStore
  readonly memory: MemoryAccounts
  readonly adapters: InterfaceTable
  readonly drives: DriveTable
}

export interface SystemMake {
  readonly release: WindowsRelease
  readonly capabilities: WindowsCapabilities
  readonly names: readonly ServiceName[]
  /** Build of the drivers. */
  readonly drivers: string
  readonly options: WindowsOptions
}

/** Windows 7 and before name their first adapter otherwise. */
const adapterName = ({ os: [major, minor] }: WindowsRelease): string =>
  major * 100 + minor < 602 ? 'Local Area Connection' : 'Ethernet'

function identityOf({ release, drivers, options }: SystemMake): Identity {
  const { computerName = 'WINDOWS', domain = '', architecture = 'amd64' } = options
  const [, pack = '0'] = /SP(\d)/.exec(release.name) ?? []
  return {
    computerName,
    domain,
    osName: release.name.replace(/ SP\d/, ''),
    os: release.os,
    servicePack: Number(pack),
    isServer: release.isServer,
    architecture,
    integrationServices: drivers,
  }
}

/** The registry as vmickvpexchange leaves it at its start. */
function registryOf(make: SystemMake): WindowsRegistry {
  const registry = windowsRegistry()
  for (const [name, data] of Object.entries(autoValues(identityOf(make))))
    registry.set(REGISTRY_KEYS.auto, { name, type: RegistryType.sz, data })
  return registry
}

/** The system of a life, made by the first who asks. */
export function systemOf(hooks: GuestServices, make: SystemMake): WindowsSystem {
  const registry = hooks.service('registry', () => registryOf(make))
  return {
    registry,
    services: hooks.service('services', () => serviceController(make.names, make.options.services ?? {})),
    time: hooks.service('time', () => timeService(hooks.clock, registry)),
    writers: hooks.service('writers', () => writers(make.options.writers ?? DEFAULT_WRITERS)),
    files: hooks.service('files', fileStore),
    memory: hooks.service('memory', () => memoryAccounts(hooks.ramPages)),
    adapters: hooks.service('adapters', () => interfaceTable(adapterNames(adapterName(make.release)))),
    drives: hooks.service('drives', driveTable),
  }
}
