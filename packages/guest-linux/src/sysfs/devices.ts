import type { GuestBus, GuestChannel, GuestDevice } from '@vmbus/core'
import { UNBUILT, type ModuleRecord } from './modules.ts'

const DEVICES = '/sys/bus/vmbus/devices'
const DRIVERS = '/sys/bus/vmbus/drivers'

/** Offers of sockets (include/linux/hyperv.h, VMBUS_CHANNEL_TLNPI_PROVIDER_OFFER). */
const SOCKET_OFFER = 0x2000

const targetVp = ({ channel }: GuestChannel): number => channel?.targetVp ?? 0

/** The driver that has taken a device: of the classes with a driver here it is the bus that knows, of the others the table. */
function driverOf({ channels, interfaceId, kind }: GuestDevice, records: readonly ModuleRecord[]): string | undefined {
  if (((channels[0]?.offer.flags ?? 0) & SOCKET_OFFER) !== 0)
    return records.find(({ takesSockets }) => takesSockets === true)?.driver
  if (kind === undefined && !UNBUILT.has(interfaceId)) return undefined
  return records.find(({ claims }) => claims.includes(interfaceId))?.driver ?? kind
}

/** What the system shows of one device. */
function deviceFiles(device: GuestDevice, driver: string | undefined, showsChannels: boolean): Record<string, string> {
  const { instanceId, interfaceId, channels } = device
  const [primary] = channels
  if (primary === undefined) return {}
  const folder = `${DEVICES}/${instanceId}`
  const files: Record<string, string> = {
    [`${folder}/id`]: `${primary.offer.relid}\n`,
    [`${folder}/class_id`]: `{${interfaceId}}\n`,
    [`${folder}/device_id`]: `{${instanceId}}\n`,
    [`${folder}/channel_vp_mapping`]: channels.map((each) => `${each.offer.relid}:${targetVp(each)}\n`).join(''),
  }
  if (driver !== undefined) files[`${folder}/driver`] = `${DRIVERS}/${driver}`
  if (showsChannels)
    for (const each of channels) files[`${folder}/channels/${each.offer.relid}/cpu`] = `${targetVp(each)}\n`
  return files
}

/**
 * The files below /sys/bus/vmbus/devices that lsvmbus reads (tools/hv/lsvmbus; drivers/hv/vmbus_drv.c, vmbus_dev_groups and
 * vmbus_chan_attrs), by path, each with its final newline; of the link `driver` where it leads.
 */
export function deviceTree(
  bus: GuestBus,
  records: readonly ModuleRecord[],
  showsChannels: boolean,
): Record<string, string> {
  const files: Record<string, string> = {}
  for (const device of bus.devices) Object.assign(files, deviceFiles(device, driverOf(device, records), showsChannels))
  return files
}

/** The channel whose `cpu` file has this path. */
export function channelAt(bus: GuestBus, path: string): GuestChannel | undefined {
  const [, instanceId, relid] = /^\/sys\/bus\/vmbus\/devices\/([^/]+)\/channels\/(\d+)\/cpu$/.exec(path) ?? []
  const device = bus.devices.find((each) => each.instanceId === instanceId)
  return device?.channels.find(({ offer }) => `${offer.relid}` === relid)
}
