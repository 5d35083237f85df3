import type { BalloonHost } from '@vmbus/balloon'
import type { CopyResult, FcopyHost } from '@vmbus/fcopy'
import type { HeartbeatHost } from '@vmbus/heartbeat'
import type { KvpCompletion, KvpHost } from '@vmbus/kvp'
import type { NetvscHost } from '@vmbus/netvsc'
import type { ShutdownHost } from '@vmbus/shutdown'
import type { StorvscHost } from '@vmbus/storvsc'
import type { TimesyncHost } from '@vmbus/timesync'
import type { BackupResult, VssHost } from '@vmbus/vss'

/** What a stage can offer a guest: the host ends of devices. `fc` is a Fibre Channel adapter, `storvsc` a SCSI controller. */
export interface Ends {
  readonly heartbeat: HeartbeatHost
  readonly timesync: TimesyncHost
  readonly shutdown: ShutdownHost
  readonly kvp: KvpHost
  readonly vss: VssHost
  readonly fcopy: FcopyHost
  readonly storvsc: StorvscHost
  readonly fc: StorvscHost
  readonly netvsc: NetvscHost
  readonly balloon: BalloonHost
}
export type EndName = keyof Ends

/** Events of host ends that answer a request by its id. */
export interface Answers {
  readonly 'kvp:completed': KvpCompletion
  readonly 'vss:backup': BackupResult
  readonly 'fcopy:completed': CopyResult
}
