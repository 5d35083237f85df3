import { vss, type BackupRequest, type VssHostOptions } from '@vmbus/vss'
import type { RealDeviceFactory } from './device.ts'

/** Plain options; `hold` leaves each snapshot to the owner, who ends it with the action `snapshotDone`. */
interface RealVssOptions {
  readonly hold?: boolean
  readonly limits?: VssHostOptions['limits']
}

export const realVss: RealDeviceFactory = (host, options) => {
  const { hold = false, limits = {} } = options as RealVssOptions
  const handle = host.offer(vss({ limits, snapshot: () => (hold ? 'later' : true) }))
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
