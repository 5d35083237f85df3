import type { GuestBus } from '@vmbus/core'
import type { LinuxDisk } from './block-device.ts'
import type { FcHost, LinuxStorage } from './storage.ts'

export type { LinuxDisk } from './block-device.ts'
export { LinuxDiskError } from './errors.ts'
export { scsiHosts } from './hosts.ts'
export type { IoKind, IoResult } from './state.ts'
export { linuxStorage, type LinuxStorage } from './storage.ts'

/** The disks of every controller that hv_storvsc drives. */
export const disksOf = (bus: GuestBus): readonly LinuxDisk[] =>
  bus.devices.flatMap(({ driver }) =>
    driver !== undefined && 'blockDevices' in driver ? (driver as LinuxStorage).blockDevices : [],
  )

/** Fibre Channel adapters that have told their names. */
export const fcHostsOf = (bus: GuestBus): readonly FcHost[] =>
  bus.devices.flatMap(({ driver }) => {
    const found = driver !== undefined && 'fcHost' in driver ? (driver as LinuxStorage).fcHost : undefined
    return found === undefined ? [] : [found]
  })
