import { versionName, type GuestBus } from '@vmbus/core'

/**
 * What `sysctl dev.vmbus` shows of the bus: `dev.vmbus.0.version` as `4.0`, and for each device its classes' and its own
 * GUID under `dev.vmbus_device.<n>` (sys/dev/hyperv/vmbus/vmbus.c, vmbus_sysctl_version and vmbus_child_pnpinfo).
 */
export function vmbusSysctl(bus: GuestBus): Readonly<Record<string, string>> {
  const lines: Record<string, string> = {}
  if (bus.version !== 0) lines['dev.vmbus.0.version'] = versionName(bus.version)
  for (const [n, { interfaceId, instanceId }] of bus.devices.entries()) {
    lines[`dev.vmbus_device.${n}.%pnpinfo`] = `classid=${interfaceId} deviceid=${instanceId}`
  }
  return lines
}
