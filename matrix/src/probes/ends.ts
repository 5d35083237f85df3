import type { BalloonHost } from '@vmbus/balloon'
import type { GuestDriverSpec, HostDevice, HostDeviceSpec } from '@vmbus/core'
import type { CopyResult, FcopyHost } from '@vmbus/fcopy'
import type { HeartbeatHost } from '@vmbus/heartbeat'
import type { KvpCompletion, KvpHost } from '@vmbus/kvp'
import type { NetvscHost } from '@vmbus/netvsc'
import type { OwnName } from '@vmbus/report'
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
export type OurEnd = keyof Ends

/** An end of ours, or the id of a device of a user's own. */
export type EndName = OurEnd | OwnName

/**
 * A device of a user's own, both of its ends. Guests and hosts have a field of its id: where that is undefined or false, the
 * guest has no driver, and the host does not offer it.
 */
export interface OwnDevice<D extends HostDevice = HostDevice> {
  readonly id: OwnName
  /** What a host offers, always the same instance; its end is created with the value of the host's field as its settings. */
  offer(): HostDeviceSpec<unknown, D>
  /** The guest's driver, made of the value of the guest's field. */
  driver(value: unknown): GuestDriverSpec
}

/** Events of host ends that answer a request by its id. */
export interface Answers {
  readonly 'kvp:completed': KvpCompletion
  readonly 'vss:backup': BackupResult
  readonly 'fcopy:completed': CopyResult
}
