import type { VmbusVersion } from '@vmbus/core'
import type { PartitionFeatures } from '@vmbus/hypervisor'
import type { IcVersions } from '@vmbus/ic'

/** A device whose host end takes a set of protocol versions, as its wire numbers. */
export interface VersionSettings {
  readonly versions: readonly number[]
}

/** The arguments of each device on a host version. A device without an entry is not offered by that host. */
export interface DeviceSettings {
  readonly heartbeat?: IcVersions
  readonly timesync?: IcVersions
  readonly shutdown?: IcVersions
  readonly kvp?: IcVersions
  readonly vss?: IcVersions
  readonly fcopy?: IcVersions
  /** NVSP words: 0x00002, 0x30002, 0x40000, 0x50000, 0x60000, 0x60001. */
  readonly netvsc?: VersionSettings
  /** VSTOR words: major << 8 | minor. */
  readonly storvsc?: VersionSettings
  /** Dynamic memory words: major << 16 | minor. */
  readonly balloon?: VersionSettings
}

/** A Hyper-V build: facts only, given to the partition, the bus and the devices as arguments. */
export interface HostProfile {
  readonly id: string
  readonly name: string
  /** Versions of VMBus that the host accepts, ascending. */
  readonly vmbus: readonly VmbusVersion[]
  /** Feature flags that a connection of version 6.0 may use (wire/02 §3). */
  readonly featureFlags: number
  /** Bytes of GPADLs that one guest may hold (Linux Documentation/virt/hyperv/vmbus.rst). */
  readonly gpadlLimit: number
  readonly partition: Pick<PartitionFeatures, 'version' | 'maxVps'>
  readonly devices: DeviceSettings
}

/** What a build changes from the one before it. */
export type ProfileDelta = Pick<HostProfile, 'id' | 'name'> & {
  readonly build: readonly [major: number, minor: number, build: number]
  /** Versions of VMBus that this build adds. */
  readonly vmbus?: readonly VmbusVersion[]
  readonly featureFlags?: number
  readonly gpadlLimit?: number
  readonly maxVps?: number
  readonly devices?: DeviceSettings
}

/** The next build: everything of `previous` but for what `delta` names. */
export function after(previous: HostProfile, delta: ProfileDelta): HostProfile {
  const [major, minor, build] = delta.build
  return {
    id: delta.id,
    name: delta.name,
    vmbus: [...previous.vmbus, ...(delta.vmbus ?? [])],
    featureFlags: delta.featureFlags ?? previous.featureFlags,
    gpadlLimit: delta.gpadlLimit ?? previous.gpadlLimit,
    partition: {
      version: { ...previous.partition.version, major, minor, build },
      maxVps: delta.maxVps ?? previous.partition.maxVps,
    },
    devices: { ...previous.devices, ...delta.devices },
  }
}
