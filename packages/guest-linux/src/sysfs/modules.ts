import { BALLOON_INTERFACE } from '@vmbus/balloon/protocol'
import { FCOPY_INTERFACE } from '@vmbus/fcopy/protocol'
import { HEARTBEAT_INTERFACE } from '@vmbus/heartbeat/protocol'
import { icVersion } from '@vmbus/ic'
import { KVP_INTERFACE } from '@vmbus/kvp/protocol'
import { NETVSC_INTERFACE } from '@vmbus/netvsc/protocol'
import { SHUTDOWN_INTERFACE } from '@vmbus/shutdown/protocol'
import { FC_INTERFACE, IDE_INTERFACE, SCSI_INTERFACE } from '@vmbus/storvsc/protocol'
import { TIMESYNC_INTERFACE } from '@vmbus/timesync/protocol'
import { VSS_INTERFACE } from '@vmbus/vss/protocol'
import type { Capabilities } from '../vectors/field.ts'

/** Classes of devices that are not in these packages (include/linux/hyperv.h). A driver claims what is offered of them, and no more. */
const KEYBOARD_INTERFACE = 'f912ad6d-2b17-48ea-bd65-f927a61c7684'
const MOUSE_INTERFACE = 'cfa8b69e-5b4a-4cc0-b98b-8ba1a1f3f95a'
const VIDEO_INTERFACE = 'da0a7802-e377-4aac-8e77-0558eb1073f8'
const PCI_INTERFACE = '44c4f61d-4444-4400-9d52-802e27ede19f'
export const UNBUILT: ReadonlySet<string> = new Set([
  KEYBOARD_INTERFACE,
  MOUSE_INTERFACE,
  VIDEO_INTERFACE,
  PCI_INTERFACE,
])

/** A kernel module with a VMBus driver in it, as `modinfo` shows it. */
export interface ModuleInfo {
  readonly name: string
  readonly description: string
  /** Absent for a module that does not say one: drivers of the kernel's own tree since it stopped to. */
  readonly version?: string
  readonly alias: readonly string[]
}

/** A module as a kernel with some capabilities has it. */
export interface ModuleRecord {
  readonly name: string
  readonly description: string
  /** Its name below /sys/bus/vmbus/drivers; absent: the bus itself. */
  readonly driver?: string
  /** Classes of the devices that it takes. */
  readonly claims: readonly string[]
  /** What it takes beside them: channels of sockets, of whatever class. */
  readonly takesSockets?: true
  readonly alias?: readonly string[]
  /** A version of its own, beside that of the integration services. */
  readonly version?: string
}

const when = <T>(holds: boolean, ...items: readonly T[]): readonly T[] => (holds ? items : [])

/**
 * Names and descriptions: `.modinfo` of Debian's 5.10.0-32-686 and 6.1.0-50-686; pci-hyperv: Linux
 * drivers/pci/controller/pci-hyperv.c.
 */
export function moduleRecords(has: Capabilities): readonly ModuleRecord[] {
  // Called hv_util in 4.19.71 and hv_utils in 5.10; shutdown 3.2 came between the two with a change of the same structure.
  const utils = has.shutdown.message.includes(icVersion(3, 2)) ? 'hv_utils' : 'hv_util'
  return [
    {
      name: 'hv_vmbus',
      description: 'Microsoft Hyper-V VMBus Driver',
      claims: [],
      alias: ['acpi*:VMBus:*', 'acpi*:VMBUS:*'],
    },
    {
      name: 'hv_storvsc',
      description: 'Microsoft Hyper-V virtual storage driver',
      driver: 'hv_storvsc',
      claims: [SCSI_INTERFACE, IDE_INTERFACE, ...when(has.fibreChannel, FC_INTERFACE)],
    },
    {
      name: 'hv_netvsc',
      description: 'Microsoft Hyper-V network driver',
      driver: 'hv_netvsc',
      claims: [NETVSC_INTERFACE],
    },
    {
      name: 'hv_utils',
      description: 'Hyper-V Utilities',
      driver: utils,
      claims: [
        SHUTDOWN_INTERFACE,
        TIMESYNC_INTERFACE,
        HEARTBEAT_INTERFACE,
        ...when(has.kvp !== undefined, KVP_INTERFACE),
        ...when(has.vss !== undefined, VSS_INTERFACE),
        ...when(has.fcopyBy === 'kernel', FCOPY_INTERFACE),
      ],
    },
    ...when(has.balloon !== undefined, {
      name: 'hv_balloon',
      description: 'Hyper-V Balloon',
      driver: 'hv_balloon',
      claims: [BALLOON_INTERFACE],
    }),
    ...when(has.fcopyBy === 'uio-daemon', {
      name: 'uio_hv_generic',
      description: 'Generic UIO driver for VMBus devices',
      driver: 'uio_hv_generic',
      // It has no classes of its own: hv_fcopy_uio_daemon tells it this one.
      claims: [FCOPY_INTERFACE],
      alias: [],
      version: '0.02.1',
    }),
    ...when(has.keyboard, {
      name: 'hyperv_keyboard',
      description: 'Microsoft Hyper-V Synthetic Keyboard Driver',
      driver: 'hyperv_keyboard',
      claims: [KEYBOARD_INTERFACE],
    }),
    ...when(has.mouse, {
      name: 'hid_hyperv',
      description: 'Microsoft Hyper-V Synthetic HID Driver',
      driver: 'hid_hyperv',
      claims: [MOUSE_INTERFACE],
    }),
    ...when(has.video === 'fb', {
      name: 'hyperv_fb',
      description: 'Microsoft Hyper-V Synthetic Video Frame Buffer Driver',
      driver: 'hyperv_fb',
      claims: [VIDEO_INTERFACE],
    }),
    ...when(has.video === 'drm', {
      name: 'hyperv_drm',
      description: 'DRM driver for Hyper-V synthetic video device',
      driver: 'hyperv_drm',
      claims: [VIDEO_INTERFACE],
    }),
    ...when(has.vpci, { name: 'pci_hyperv', description: 'Hyper-V PCI', driver: 'hv_pci', claims: [PCI_INTERFACE] }),
    ...when(has.hvsock, {
      name: 'hv_sock',
      description: 'Hyper-V Sockets',
      driver: 'hv_sock',
      claims: [],
      takesSockets: true as const,
      alias: ['net-pf-40'],
      version: '1.0.0',
    }),
  ]
}

/** `vmbus:` and the sixteen bytes of a GUID in the order of the wire (scripts/mod/file2alias.c, do_vmbus_entry). */
function vmbusAlias(guid: string): string {
  const [first = '', second = '', third = '', ...rest] = guid.split('-')
  const reversed = (text: string): string => (text.match(/../g) ?? []).toReversed().join('')
  return `vmbus:${[first, second, third].map(reversed).join('')}${rest.join('')}`
}

const versionOf = (has: Capabilities, { version }: ModuleRecord): string | undefined =>
  version ?? (has.modulesSayVersion ? has.moduleVersion : undefined)

/** /sys/module of the modules that are there: that each lives, and the version of those that say one (kernel/module). */
export function moduleFiles(has: Capabilities, isLoaded: (name: string) => boolean): Record<string, string> {
  const files: Record<string, string> = {}
  for (const record of moduleRecords(has)) {
    if (!isLoaded(record.name)) continue
    const version = versionOf(has, record)
    files[`/sys/module/${record.name}/initstate`] = 'live\n'
    if (version !== undefined) files[`/sys/module/${record.name}/version`] = `${version}\n`
  }
  return files
}

/** What `modinfo` says of a module; undefined when this kernel has none of the name. */
export function modinfo(has: Capabilities, name: string): ModuleInfo | undefined {
  const record = moduleRecords(has).find((each) => each.name === name.replaceAll('-', '_'))
  if (record === undefined) return undefined
  const version = versionOf(has, record)
  return {
    name: record.name,
    description: record.description,
    ...(version === undefined ? {} : { version }),
    alias: record.alias ?? record.claims.map(vmbusAlias),
  }
}
