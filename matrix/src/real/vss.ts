import { vss, type BackupRequest, type VssHostOptions } from '@vmbus/vss'
import { checkOptions, flag, instance, object, optional } from '@vmbus/world'
import type { RealDeviceFactory } from './device.ts'

/**
 * Plain options. A backup takes a checkpoint of every disk that the host has; `hold` leaves that to the owner, who ends
 * it with the action `snapshotDone`.
 */
interface RealVssOptions {
  readonly hold?: boolean
  readonly limits?: VssHostOptions['limits']
}

/** The limits are looked at by the device. */
const OPTIONS = object<RealVssOptions>({
  hold: optional(flag),
  limits: optional(instance<NonNullable<RealVssOptions['limits']>>()),
})

export const realVss: RealDeviceFactory = (host, options, _machine, others) => {
  const { hold = false, limits = {} } = checkOptions('vss', OPTIONS, options)
  const checkpoint = (): true => {
    for (const device of others.values()) device.checkpoint?.()
    return true
  }
  const handle = host.offer(vss({ limits, snapshot: () => (hold ? 'later' : checkpoint()) }))
  return (
    handle && {
      actions: {
        backup: (request) => handle.device.backup((request ?? {}) as BackupRequest),
        snapshotDone: (taken) => handle.device.snapshotDone(taken as boolean),
        rescind: () => handle.rescind(),
        inspect: () => handle.device.inspect(),
      },
      result: () => handle.device.inspect(),
    }
  )
}
