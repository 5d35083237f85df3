import {
  Version,
  type GuestBehaviour,
  type GuestBus,
  type GuestDriverSpec,
  type VmbusVersion,
  type GuestServices,
} from '@vmbus/core'
import { balloon } from '@vmbus/balloon'
import { fcopy } from '@vmbus/fcopy'
import { heartbeat } from '@vmbus/heartbeat'
import { kvp } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { storvsc } from '@vmbus/storvsc'
import { timesync } from '@vmbus/timesync'
import { vss } from '@vmbus/vss'
import { TICKS_PER_MS, checkOptions, valuesOf, weakestOf, type Basis, type Evidenced } from '@vmbus/world'
import { deviceDrivers, serviceDrivers } from './drivers.ts'
import { WindowsError } from './errors.ts'
import { gen2Firmware, type WindowsFirmware } from './firmware.ts'
import { servicesOf, windowsOptions, type WindowsOptions } from './options.ts'
import { capabilitiesOf } from './releases/capabilities.ts'
import type { WindowsCapabilities } from './releases/types.ts'
import { windowsRelease } from './releases/lookup.ts'
import { newestWith, packageOf, type IntegrationServices } from './releases/packages.ts'
import type { NewestVersions, WindowsId, WindowsRelease } from './releases/types.ts'
import type { ServiceName } from './services/controller.ts'
import { windowsSurface, type WindowsSurface } from './surface.ts'
import { systemOf, type WindowsSystem } from './system/system.ts'

/** Something that is loaded while the system comes up. */
export interface LoadStep {
  readonly name: string
  /** 100 ns units after the step before it; the first counts from power-on, or from the end of the firmware. */
  readonly after: number
  /** Kinds of the drivers that it brings; none: the bus itself. */
  readonly kinds: readonly string[]
}

/** The integration services of one release, ready to run in a simulated guest. */
export interface WindowsGeneration {
  readonly name: string
  readonly release: WindowsRelease
  /** The package that was put in; undefined: the drivers are the release's own. */
  readonly package: IntegrationServices | undefined
  /** Of the whole: the weakest of its values. */
  readonly basis: Basis
  /** What is known of the newest version of each protocol. */
  readonly newest: Evidenced<NewestVersions>
  readonly fields: Evidenced<WindowsCapabilities>
  readonly capabilities: WindowsCapabilities
  readonly services: readonly ServiceName[]
  readonly versions: readonly VmbusVersion[]
  readonly behaviour: Partial<GuestBehaviour>
  /** What runs before it in a virtual machine of generation 2. */
  readonly firmware?: WindowsFirmware
  readonly load: readonly LoadStep[]
  readonly goingDown: number
  drivers(hooks: GuestServices): readonly GuestDriverSpec[]
  surface(bus: GuestBus, hooks: GuestServices): WindowsSurface
}

// No real run was measured: the order of magnitude of a Linux guest.
const BOOT = 3_000 * TICKS_PER_MS
const NEXT_DRIVER = 50 * TICKS_PER_MS
const GOING_DOWN = 100 * TICKS_PER_MS

/** Flags of VMBus 6.0: guest-specified signal, interrupt redirection, modify connection; the client id came later. */
const FEATURES = 0x7

/** Vendor Microsoft (1), OS Windows NT (4), then version, service pack and build (TLFS, guest OS identity). */
const guestOsId = ([major, minor, build]: WindowsRelease['os']): bigint =>
  (1n << 48n) | (4n << 40n) | (BigInt(major) << 32n) | (BigInt(minor) << 24n) | BigInt(build)

function generationOf(release: WindowsRelease, wanted?: 1 | 2): 1 | 2 {
  const generation = wanted ?? release.generations[0] ?? 1
  if (!release.generations.includes(generation))
    throw new WindowsError('VMBUS_WINDOWS_GENERATION', `${release.name} does not run in generation ${generation}`)
  return generation
}

function loadOf(capabilities: WindowsCapabilities, own: readonly GuestDriverSpec[]): readonly LoadStep[] {
  const components = [heartbeat.kind, kvp.kind, shutdown.kind, timesync.kind]
  const step = (name: string, kinds: readonly string[]): LoadStep[] =>
    kinds.length === 0 ? [] : [{ name, after: NEXT_DRIVER, kinds }]
  return [
    { name: 'vmbus.sys', after: BOOT, kinds: [] },
    ...step('storvsc.sys', [storvsc.kind]),
    ...step('netvsc.sys', [netvsc.kind]),
    ...step('dmvsc.sys', capabilities.balloon === undefined ? [] : [balloon.kind]),
    ...step('icsvc.dll', [
      ...components,
      ...(capabilities.vss === undefined ? [] : [vss.kind]),
      ...(capabilities.fcopy === undefined ? [] : [fcopy.kind]),
    ]),
    ...step(
      'drivers',
      own.map(({ kind }) => kind),
    ),
  ]
}

/**
 * A Windows guest by its release: `ws2022`, `Windows Server 2022`, `windows 10 1607`. Undefined for a name that is none.
 *
 * @throws OptionsError VMBUS_OPTIONS_INVALID
 * @throws WindowsError VMBUS_WINDOWS_GENERATION, VMBUS_WINDOWS_PACKAGE
 */
export function windows(release: WindowsId, options?: WindowsOptions): WindowsGeneration
export function windows(release: string, options?: WindowsOptions): WindowsGeneration | undefined
export function windows(name: string, options: WindowsOptions = {}): WindowsGeneration | undefined {
  checkOptions('windows', windowsOptions, options)
  const release = windowsRelease(name)
  return release === undefined ? undefined : windowsOf(release, options)
}

/**
 * A generation with these values and otherwise that release: a guest of which only some values are another's.
 *
 * @throws OptionsError VMBUS_OPTIONS_INVALID
 * @throws WindowsError VMBUS_WINDOWS_GENERATION, VMBUS_WINDOWS_PACKAGE
 */
export function windowsWith(
  name: WindowsId,
  fields: Evidenced<WindowsCapabilities>,
  options: WindowsOptions = {},
): WindowsGeneration {
  checkOptions('windows', windowsOptions, options)
  const release = windowsRelease(name)
  if (release === undefined) throw new WindowsError('VMBUS_WINDOWS_PACKAGE', `nothing is known of ${name}`)
  return windowsOf(release, options, fields)
}

function windowsOf(
  release: WindowsRelease,
  options: WindowsOptions,
  given?: Evidenced<WindowsCapabilities>,
): WindowsGeneration {
  const { drivers: own = [] } = options
  const generation = generationOf(release, options.generation)
  const services = packageOf(release, options.package)
  const newest = services === undefined ? release.newest : newestWith(release, services)
  if (newest === undefined) throw new WindowsError('VMBUS_WINDOWS_PACKAGE', `${release.name} has no drivers of its own`)
  const fields = given ?? capabilitiesOf(newest, release.os, services)
  const capabilities = valuesOf(fields)
  const names = servicesOf(capabilities)
  const make = { release, capabilities, names, drivers: services?.build ?? release.os.join('.'), options }
  const system = (hooks: GuestServices): WindowsSystem => systemOf(hooks, make)
  return {
    name: `windows-${release.id}`,
    release,
    package: services,
    basis: weakestOf(Object.values(fields).map(({ basis }) => basis)),
    newest,
    fields,
    capabilities,
    services: names,
    versions: capabilities.vmbus,
    behaviour: {
      osId: guestOsId(release.os),
      ...(capabilities.vmbus[0] === Version.v6_0 ? { features: FEATURES } : {}),
    },
    ...(generation === 2 ? { firmware: gen2Firmware() } : {}),
    load: loadOf(capabilities, own),
    goingDown: GOING_DOWN,
    drivers(hooks) {
      const parts = system(hooks)
      return [...deviceDrivers(capabilities, parts, options), ...serviceDrivers(capabilities, parts, hooks), ...own]
    },
    surface: (_bus, hooks) => windowsSurface(system(hooks)),
  }
}
