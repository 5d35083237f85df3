import { versionName, type GuestBus, type GuestDevice } from '@vmbus/core'
import { icVersionText } from '@vmbus/ic'
import type { Capabilities } from './capabilities.ts'
import type { NetworkDriver } from '@vmbus/netvsc/stack'
import type { ClockTunables } from './services/clock.ts'

/** Kinds of the services, by the names of their drivers (sys/dev/hyperv/utilities, driver_t). */
const SERVICES: Readonly<Record<string, string>> = {
  heartbeat: 'hvheartbeat',
  timesync: 'hvtimesync',
  shutdown: 'hvshutdown',
  kvp: 'hvkvp',
  vss: 'hvvss',
}
const DEVICES: Readonly<Record<string, string>> = { netvsc: 'hn', storvsc: 'storvsc' }
/** One driver has all services in 10.0 to 10.3 and the port (sys/dev/hyperv/utilities/hv_util.c). */
const ALL_SERVICES = 'hyperv-utils'
const NDIS_SINCE_NVS_5 = '6.30'
const NVS_5 = 0x50000

/** `hvkvp` of a device that a driver has; undefined for one without a driver: it has no node. */
function driverName({ kind, driver }: GuestDevice, { serviceNames }: Capabilities): string | undefined {
  if (kind === undefined || driver === undefined) return undefined
  const service = SERVICES[kind]
  if (service !== undefined) return serviceNames === 'one' ? ALL_SERVICES : service
  return DEVICES[kind]
}

const isHn = (driver: GuestDevice['driver']): driver is NetworkDriver =>
  driver !== undefined && 'interfaceName' in driver

/** What a driver shows of its device beside the bus's own lines. */
function ownLines({ driver, kind }: GuestDevice, { serviceNames, ndis }: Capabilities): Record<string, string> {
  if (isHn(driver)) {
    const { version } = driver.nic
    const six = version >= NVS_5 ? NDIS_SINCE_NVS_5 : '6.1'
    return { nvs_version: String(version), ndis_version: ndis === '5.1' ? ndis : six }
  }
  if (kind === undefined || SERVICES[kind] === undefined || serviceNames === 'one') return {}
  const { framework, message } = driver?.inspect() ?? {}
  const shown = (version: unknown): string => (typeof version === 'number' ? icVersionText(version) : '0.0')
  return { fw_version: shown(framework), msg_version: shown(message) }
}

function tunables(capabilities: Capabilities, clock: ClockTunables): Record<string, string> {
  const { vf, clockRule, storvscDepth, storvscRingPages, negotiation } = capabilities
  return {
    ...(clockRule === 'threshold' && {
      'hw.hvtimesync.ignore_sync': clock.ignoreSync ? '1' : '0',
      'hw.hvtimesync.sample_thresh': String(clock.sampleThreshold),
      'hw.hvtimesync.sample_verbose': '0',
    }),
    ...(negotiation === 'best' && {
      'hw.storvsc.max_io': String(storvscDepth),
      'hw.storvsc.ringbuffer_size': String(storvscRingPages * 4096),
      'hw.hn.chan_cnt': '0',
    }),
    ...(vf === 'transparent' && { 'hw.hn.vf_transparent': '1' }),
  }
}

/**
 * What sysctl(8) shows of VMBus: `dev.vmbus.0.version` as `4.0`, and of each device that a driver has taken its unit's
 * `%driver`, `%parent` and `%pnpinfo`, and the driver's own lines, such as `dev.hvkvp.0.msg_version` (sys/dev/hyperv/vmbus/vmbus.c,
 * vmbus_sysctl_version and vmbus_child_pnpinfo; utilities/vmbus_ic.c).
 */
export function vmbusSysctl(
  bus: GuestBus,
  capabilities: Capabilities,
  clock: ClockTunables,
): Readonly<Record<string, string>> {
  const lines: Record<string, string> = bus.version === 0 ? {} : tunables(capabilities, clock)
  if (bus.version !== 0) lines['dev.vmbus.0.version'] = versionName(bus.version)
  const units = new Map<string, number>()
  for (const device of bus.devices) {
    const name = driverName(device, capabilities)
    if (name === undefined) continue
    const unit = units.get(name) ?? 0
    units.set(name, unit + 1)
    const { interfaceId, instanceId } = device
    const shown = {
      '%driver': name,
      '%parent': 'vmbus0',
      '%pnpinfo': `classid=${interfaceId} deviceid=${instanceId}`,
      ...ownLines(device, capabilities),
    }
    for (const [leaf, value] of Object.entries(shown)) lines[`dev.${name}.${unit}.${leaf}`] = value
  }
  return lines
}
