import { balloon } from '@vmbus/balloon'
import type { GuestDriverSpec, GuestServices } from '@vmbus/core'
import { fcopy } from '@vmbus/fcopy'
import { heartbeat } from '@vmbus/heartbeat'
import { icVersion } from '@vmbus/ic'
import { netvsc } from '@vmbus/netvsc'
import { shutdown, type ShutdownAction } from '@vmbus/shutdown'
import { storvsc, type StorvscBehaviour } from '@vmbus/storvsc'
import { VstorVersion } from '@vmbus/storvsc/protocol'
import { timesync } from '@vmbus/timesync'
import { networkDriver } from '@vmbus/netvsc/stack'
import { netvscSystem } from './devices/netvsc.ts'
import { storageDriver } from './devices/storvsc.ts'
import type { WindowsOptions } from './options.ts'
import type { WindowsCapabilities } from './releases/types.ts'
import { servedBy } from './services/controller.ts'
import { dataExchangeDriver } from './services/data-exchange.ts'
import { vssDriver } from './services/writers.ts'
import type { WindowsSystem } from './system/system.ts'

const MIB = 1 << 20
/** A model: no public source names the buffers of netvsc.sys. */
const RECEIVE_BYTES = 2 * MIB
const SEND_BYTES = MIB
/** Packets of drivers before 5.1 (Mile.HyperV's asserts: 0x30 and 0x40). */
const SHORT_PACKET = 48
/** 100 ns: every sample goes to W32Time. */
const EVERY_SAMPLE = 1

/** Restart came with 3.1 of the component and hibernation with 3.2 (ProjectMile/Mile.HyperV@1405fe48). */
function actionsOf({ shutdown: { message } }: WindowsCapabilities): ShutdownAction[] {
  return [
    'power-off',
    ...(message.includes(icVersion(3, 1)) ? (['restart'] as const) : []),
    ...(message.includes(icVersion(3, 2)) ? (['hibernate'] as const) : []),
  ]
}

function storageBehaviour({ storvsc: versions }: WindowsCapabilities): Partial<StorvscBehaviour> {
  const isShort = (versions[0] ?? 0) < VstorVersion.v5_1
  // Windows asks for sub-channels before the end of initialisation.
  return { subchannelsFirst: true, ...(isShort ? { firstPacketBytes: SHORT_PACKET } : {}) }
}

/** vmbus.sys's clients: storvsc.sys, netvsc.sys, dmvsc.sys. */
export function deviceDrivers(
  capabilities: WindowsCapabilities,
  { drives, adapters, memory }: WindowsSystem,
  options: WindowsOptions,
): readonly GuestDriverSpec[] {
  const { receiveBufferBytes = RECEIVE_BYTES, sendBufferBytes = SEND_BYTES } = options
  const network = {
    versions: capabilities.netvsc,
    receiveBufferBytes,
    sendBufferBytes,
    rsc: capabilities.rsc,
    sriov: capabilities.vf !== 'none',
    channels: capabilities.rss ? undefined : 1,
  }
  const storage = { versions: capabilities.storvsc, behaviour: storageBehaviour(capabilities) }
  return [
    { ...storvsc.driver({}), create: (deps) => storageDriver(storage, drives, deps) },
    { ...netvsc.driver({}), create: (deps) => networkDriver(network, netvscSystem(capabilities, adapters), deps) },
    ...(capabilities.balloon === undefined ? [] : [balloon.driver({ memory, versions: capabilities.balloon })]),
  ]
}

/** icsvc.dll and icsvcext.dll: each component behind the service that opens its channel. */
export function serviceDrivers(
  capabilities: WindowsCapabilities,
  system: WindowsSystem,
  hooks: GuestServices,
): readonly GuestDriverSpec[] {
  const { services, registry, adapters, files, time } = system
  const { vss: vssVersions, fcopy: fcopyVersions } = capabilities
  return [
    servedBy(
      services,
      'vmicheartbeat',
      // A plain Server 2019 says nothing of its applications: the host shows OkApplicationsUnknown.
      heartbeat.driver({ versions: capabilities.heartbeat, applicationState: 'unknown' }),
    ),
    servedBy(services, 'vmickvpexchange', dataExchangeDriver(capabilities.kvp, registry, adapters)),
    servedBy(
      services,
      'vmicshutdown',
      shutdown.driver({
        versions: capabilities.shutdown,
        act: (action, forced) => hooks.act(action, forced),
        supports: actionsOf(capabilities),
      }),
    ),
    servedBy(
      services,
      'vmictimesync',
      timesync.driver({ versions: capabilities.timesync, clock: time, sampleThreshold: EVERY_SAMPLE }),
    ),
    ...(vssVersions === undefined ? [] : [servedBy(services, 'vmicvss', vssDriver(system.writers, vssVersions))]),
    ...(fcopyVersions === undefined
      ? []
      : [servedBy(services, 'vmicguestinterface', fcopy.driver({ versions: fcopyVersions, files, separator: '\\' }))]),
  ]
}
