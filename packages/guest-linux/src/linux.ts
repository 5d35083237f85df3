import {
  LINUX_POST,
  type GuestBehaviour,
  type GuestBus,
  type GuestDriverSpec,
  type VmbusVersion,
  type GuestServices,
} from '@vmbus/core'
import { TICKS_PER_MS, valuesOf, weakestOf, type Basis } from '@vmbus/world'
import { kernelVersion, versionCode, type KernelVersion } from './kernel-version.ts'
import { LINUX_MODULES } from './modules/index.ts'
import { linuxInterface, netInterfaces, type LinuxInterface } from './net/index.ts'
import { quirksOf, type QuirkId } from './quirks.ts'
import { disksOf, type LinuxDisk } from './scsi/index.ts'
import { sysfsOf, type ModuleInfo, type SysfsError } from './sysfs/index.ts'
import { daemonSurface, type LinuxDaemons } from './system/daemon-surface.ts'
import type { FileTree } from './system/file-tree.ts'
import type { LinuxMemory } from './system/memory.ts'
import { systemOf, type SystemOptions } from './system/system.ts'
import type { Capabilities, Vector } from './vectors/field.ts'
import { kernelVector, releaseVector, type LinuxVector } from './vectors/lookup.ts'

export interface LinuxOptions extends SystemOptions {
  /** The real driver's defects: all of the version (the default), none, or those named. */
  readonly quirks?: boolean | readonly QuirkId[]
  /** Modules to load after hv_vmbus, by name; default all that are known. */
  readonly modules?: readonly string[]
  /** Highest version of VMBus to ask for, as the module parameter hv_vmbus.max_version (from 5.10). */
  readonly maxVersion?: VmbusVersion
  /** The kernel can suspend to disk; default false. */
  readonly hibernation?: boolean
  /**
   * Where the slab allocator puts a small buffer of the SCSI midlayer in its page, which a host sees: by the number of such
   * buffers that a controller had before it, and its bytes. Default the beginning.
   */
  readonly slab?: (before: number, bytes: number) => number
  /** Drivers of your own, loaded after the modules. */
  readonly drivers?: readonly GuestDriverSpec[]
}

/** What the operating system shows beside its bus. */
export interface LinuxSurface {
  /** Files of /sys: devices of the bus and their channels, modules, Fibre Channel adapters. By path; of links where they lead. */
  sysfs(): Readonly<Record<string, string>>
  /**
   * Writes to /sys, where it can be: a processor's number to `channels/N/cpu` of a device moves the channel's interrupts there.
   * Returns what a write fails with, undefined when it was taken.
   */
  writeSysfs(path: string, text: string): SysfsError | undefined
  /** What `modinfo` says of a module of these drivers, such as `hv_netvsc`; undefined when there is none. */
  modinfo(name: string): ModuleInfo | undefined
  /** Files beside those of the kernel. */
  readonly files: FileTree
  daemon<N extends keyof LinuxDaemons>(name: N): LinuxDaemons[N]
  /** Disks that were found, in the order of their controllers. */
  readonly disks: readonly LinuxDisk[]
  /** A disk by its name, such as `sda`; undefined while there is none. */
  disk(name: string): LinuxDisk | undefined
  /** The network interface of this name, such as `eth0`, there or not. */
  net(name: string): LinuxInterface
  readonly memory: LinuxMemory
}

/** Something that is loaded while the system comes up. */
export interface LoadStep {
  readonly name: string
  /** 100 ns units after the step before it; the first counts from power-on. */
  readonly after: number
  /** Kinds of the drivers that it brings; none: the bus itself. */
  readonly kinds: readonly string[]
}

/** One generation of the integration services, ready to run in a simulated guest. */
export interface LinuxGeneration {
  readonly name: string
  readonly kernel: KernelVersion
  /** The weakest of all its fields. */
  readonly basis: Basis
  /** What it speaks and has, each value with how it is known. */
  readonly fields: Vector
  /** The same, as plain values. */
  readonly capabilities: Capabilities
  readonly quirks: ReadonlySet<QuirkId>
  readonly versions: readonly VmbusVersion[]
  readonly behaviour: Partial<GuestBehaviour>
  /** Processors that it uses at most, or all. */
  readonly vpLimit: number | undefined
  readonly load: readonly LoadStep[]
  /** 100 ns units from an accepted shutdown request to the end of the system. */
  readonly goingDown: number
  drivers(services: GuestServices): readonly GuestDriverSpec[]
  surface(bus: GuestBus, services: GuestServices): LinuxSurface
}

// Measured on Debian 12's kernel 6.1 in @vmbus/machine-v86: power-on to hv_vmbus, to the next module, request to power off.
const BOOT = 2_770 * TICKS_PER_MS
const NEXT_MODULE = 118 * TICKS_PER_MS
const GOING_DOWN = 21 * TICKS_PER_MS

/** VMBus 3.0: below it Linux leaves without a word (drivers/hv/channel_mgmt.c, vmbus_initiate_unload). */
const UNLOAD_SINCE: VmbusVersion = 0x3_0000
const NEVER: VmbusVersion = 0xffff_ffff
/** Open source, OS type Linux; the kernel's version stands above the build number (arch/x86/hyperv/hv_init.c). */
const GUEST_OS_ID = 0x8100n << 48n

function behaviourOf(
  kernel: KernelVersion,
  capabilities: Capabilities,
  quirks: ReadonlySet<QuirkId>,
): Partial<GuestBehaviour> {
  return {
    osId: GUEST_OS_ID | (BigInt(versionCode(kernel)) << 16n),
    vector: 0xf3,
    gpadlStart: 0xe1e10,
    openId: 'relid',
    probing: 'tasks',
    unloadFrom: capabilities.unload ? UNLOAD_SINCE : NEVER,
    // drivers/hv/channel.c, vmbus_close_internal: the message goes out whatever the host did meanwhile.
    closesRescinded: true,
    checksConnectionState: !quirks.has('ignores-connection-state'),
    post: LINUX_POST,
  }
}

function chosenQuirks(
  kernel: KernelVersion,
  capabilities: Capabilities,
  chosen: LinuxOptions['quirks'] = true,
): ReadonlySet<QuirkId> {
  if (chosen === false) return new Set()
  const all = quirksOf(kernel, capabilities)
  return chosen === true ? all : new Set(chosen.filter((id) => all.has(id)))
}

/**
 * Linux's integration services by what `uname -r` says, such as `6.1` or `5.10.0-32-686`, or by a vector of its own.
 *
 * @throws KernelVersionError VMBUS_KERNEL_VERSION when the text does not begin with a version.
 */
export function linux(generation: string | LinuxVector, options: LinuxOptions = {}): LinuxGeneration {
  const { name, kernel: version, fields } = typeof generation === 'string' ? kernelVector(generation) : generation
  const kernel = kernelVersion(version)
  const capabilities = valuesOf<Capabilities>(fields)
  const quirks = chosenQuirks(kernel, capabilities, options.quirks)
  const { maxVersion = NEVER, hibernation = false, slab = () => 0, drivers: own = [] } = options
  const modules = LINUX_MODULES.filter(({ name }) => options.modules?.includes(name) ?? true)
  return {
    name,
    kernel,
    basis: weakestOf(Object.values(fields).map(({ basis }) => basis)),
    fields,
    capabilities,
    quirks,
    versions: capabilities.vmbus.filter((each) => each <= maxVersion),
    behaviour: behaviourOf(kernel, capabilities, quirks),
    vpLimit: capabilities.vpLimit,
    load: [
      { name: 'hv_vmbus', after: BOOT, kinds: [] },
      ...modules.map(({ name, kinds }) => ({ name, after: NEXT_MODULE, kinds })),
      ...(own.length === 0 ? [] : [{ name: 'drivers', after: NEXT_MODULE, kinds: own.map(({ kind }) => kind) }]),
    ],
    goingDown: GOING_DOWN,
    drivers(services) {
      const system = systemOf(services, version, capabilities, options)
      return [
        ...modules.flatMap((module) => module.drivers({ capabilities, quirks, services, system, hibernation, slab })),
        ...own,
      ]
    },
    surface(bus, services) {
      const system = systemOf(services, version, capabilities, options)
      const daemons = daemonSurface(system)
      const net = services.service('net', netInterfaces)
      const { files, memory } = system
      const loads = modules.map(({ name }) => name)
      const sysfs = sysfsOf(bus, capabilities, kernel, loads)
      return {
        sysfs: () => sysfs.files(),
        writeSysfs: (path, text) => sysfs.write(path, text),
        modinfo: (name) => sysfs.modinfo(name),
        files,
        daemon: (name) => daemons[name],
        get disks() {
          return disksOf(bus)
        },
        disk: (name) => disksOf(bus).find((disk) => disk.name === name),
        net: (name) => linuxInterface(net, name),
        memory: {
          get total() {
            return memory.total()
          },
          get free() {
            return memory.available()
          },
          get ballooned() {
            return memory.ballooned
          },
        },
      }
    },
  }
}

/**
 * The integration services of a distribution's release, such as `rhel 7.9`, `oracle 7.6 rhck`, `ubuntu 22.04` or
 * `rhel 6.8 + lis 4.3.5`; undefined for a release that is not known, or has no drivers.
 */
export function linuxRelease(release: string, options: LinuxOptions = {}): LinuxGeneration | undefined {
  const vector = releaseVector(release)
  return vector && linux(vector, options)
}
