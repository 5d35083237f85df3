import type { GuestBus } from '@vmbus/core'

/**
 * The files below /sys/bus/vmbus/devices that lsvmbus reads (tools/hv/lsvmbus; drivers/hv/vmbus_drv.c, vmbus_dev_groups),
 * by their path there: `<instance>/id`, `class_id`, `device_id` and `channel_vp_mapping`, each with its final newline.
 */
export function vmbusSysfs(bus: GuestBus): Readonly<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const { instanceId, interfaceId, channels } of bus.devices) {
    const [primary] = channels
    if (primary === undefined) continue
    files[`${instanceId}/id`] = `${primary.offer.relid}\n`
    files[`${instanceId}/class_id`] = `{${interfaceId}}\n`
    files[`${instanceId}/device_id`] = `{${instanceId}}\n`
    files[`${instanceId}/channel_vp_mapping`] = channels
      .map(({ offer, channel }) => `${offer.relid}:${channel?.targetVp ?? 0}\n`)
      .join('')
  }
  return files
}
