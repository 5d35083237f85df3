import { Version, type GuestBus } from '@vmbus/core'
import { atLeast, type KernelVersion } from '../kernel-version.ts'
import { LINUX_MODULES } from '../modules/index.ts'
import { fcHostsOf } from '../scsi/index.ts'
import type { Capabilities } from '../vectors/field.ts'
import { channelAt, deviceTree } from './devices.ts'
import { modinfo, moduleFiles, moduleRecords, type ModuleInfo } from './modules.ts'

export type { ModuleInfo } from './modules.ts'

/** As `errno` says it. */
export type SysfsError = 'ENOENT' | 'EACCES' | 'EIO' | 'EINVAL'

/** /sys of a system, and what its tools say of the modules. */
export interface Sysfs {
  files(): Readonly<Record<string, string>>
  /** Undefined when it was taken. */
  write(path: string, text: string): SysfsError | undefined
  modinfo(name: string): ModuleInfo | undefined
}

/** Channels have folders of their own since 4.15 (drivers/hv/vmbus_drv.c, vmbus_add_channel_kobj). */
const CHANNELS_SINCE: KernelVersion = { major: 4, minor: 15, patch: 0 }

/** World wide names of Fibre Channel adapters (drivers/scsi/scsi_transport_fc.c). */
function fcFiles(bus: GuestBus): Record<string, string> {
  const files: Record<string, string> = {}
  for (const { host, port, node } of fcHostsOf(bus)) {
    files[`/sys/class/fc_host/host${host}/port_name`] = `0x${port}\n`
    files[`/sys/class/fc_host/host${host}/node_name`] = `0x${node}\n`
  }
  return files
}

/** `loads` are names of the modules that this system loads, of those with drivers here. */
export function sysfsOf(bus: GuestBus, has: Capabilities, kernel: KernelVersion, loads: readonly string[]): Sysfs {
  const records = moduleRecords(has)
  const built = new Set(LINUX_MODULES.map(({ name }) => name))
  const isLoaded = (name: string): boolean => bus.phase !== 'off' && (!built.has(name) || loads.includes(name))
  const showsChannels = has.modifyChannel || atLeast(kernel, CHANNELS_SINCE)
  return {
    files: () => ({
      ...deviceTree(bus, records, showsChannels),
      ...moduleFiles(has, isLoaded),
      ...(has.wwn ? fcFiles(bus) : {}),
    }),
    // drivers/hv/vmbus_drv.c, target_cpu_store: only channels/N/cpu is written to here.
    write(path, text) {
      const handle = showsChannels ? channelAt(bus, path) : undefined
      if (handle === undefined) return 'ENOENT'
      if (!has.modifyChannel) return 'EACCES'
      const [, digits] = /^\s*(\d+)/.exec(text) ?? []
      if (bus.version < Version.v4_1 || digits === undefined) return 'EIO'
      const vp = Number(digits)
      if (vp >= bus.vps) return 'EINVAL'
      if (handle.channel === undefined) return 'EIO'
      if (handle.channel.targetVp !== vp) handle.retarget(vp)
      return undefined
    },
    modinfo: (name) => modinfo(has, name),
  }
}
