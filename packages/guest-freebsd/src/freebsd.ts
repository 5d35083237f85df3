import {
  FREEBSD_10_POST,
  FREEBSD_POST,
  Version,
  type GuestBehaviour,
  type GuestBus,
  type GuestDriverSpec,
  type VmbusVersion,
  type GuestServices,
} from '@vmbus/core'
import { heartbeat } from '@vmbus/heartbeat'
import { kvp } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { storvsc } from '@vmbus/storvsc'
import { timesync } from '@vmbus/timesync'
import { vss } from '@vmbus/vss'
import {
  TICKS_PER_MS,
  checkOptions,
  flag,
  integer,
  list,
  object,
  oneOf,
  optional,
  text,
  either,
  instance,
  valuesOf,
  weakestOf,
  type Basis,
  type Evidenced,
  type Shape,
} from '@vmbus/world'
import type { Capabilities } from './capabilities.ts'
import { freebsdDrivers } from './drivers.ts'
import { freebsdInterface, type FreebsdInterface } from './net/interfaces.ts'
import { quirksOf, type QuirkId } from './quirks.ts'
import { FreebsdReleaseError, osVersion, parseRelease, releaseKey, type FreebsdRelease } from './release.ts'
import { fieldsOf } from './releases.ts'
import { CLOCK_TUNABLES, type ClockTunables } from './services/clock.ts'
import { disksOf, type FreebsdDisk } from './storage/da.ts'
import { vmbusSysctl } from './sysctl.ts'
import type { FreebsdDaemons } from './system/daemons.ts'
import type { DeviceNode } from './system/device-node.ts'
import { systemOf, type SystemOptions } from './system/system.ts'

export interface FreebsdOptions extends SystemOptions {
  /** hw.hvtimesync.sample_thresh in ms: samples that are no further off are ignored; default 100, negative for all. */
  readonly sampleThreshold?: number
  /** hw.hvtimesync.ignore_sync; default false. */
  readonly ignoreSync?: boolean
  /** Drivers of your own, attached with the others. */
  readonly drivers?: readonly GuestDriverSpec[]
}

const freebsdOptions: Shape<FreebsdOptions> = object<FreebsdOptions>({
  daemons: optional(either(flag, list(oneOf('kvp', 'vss')))),
  domainName: optional(text),
  machine: optional(text),
  sampleThreshold: optional(integer(-1)),
  ignoreSync: optional(flag),
  drivers: optional(list(instance<GuestDriverSpec>())),
})

/** What the operating system shows beside its bus. */
export interface FreebsdSurface {
  /** Lines of `sysctl`, by name. */
  sysctl(): Readonly<Record<string, string>>
  daemon<N extends keyof FreebsdDaemons>(name: N): FreebsdDaemons[N]
  /** A device node that a driver has made, such as /dev/hv_kvp_dev; undefined while there is none. */
  node(path: string): DeviceNode | undefined
  /** Disks that were found, in the order of their controllers. */
  readonly disks: readonly FreebsdDisk[]
  /** A disk by its name, such as `da0`; undefined while there is none. */
  disk(name: string): FreebsdDisk | undefined
  /** The network interface of this name, such as `hn0`, there or not. */
  net(name: string): FreebsdInterface
}

/** The integration services of one FreeBSD release, ready to run in a simulated guest. */
export interface FreebsdGeneration {
  readonly name: string
  readonly release: FreebsdRelease
  /** The weakest of its values'. */
  readonly basis: Basis
  /** What it tries, each value with how it is known. */
  readonly fields: Evidenced<Capabilities>
  readonly capabilities: Capabilities
  readonly quirks: ReadonlySet<QuirkId>
  readonly versions: readonly VmbusVersion[]
  readonly behaviour: Partial<GuestBehaviour>
  readonly load: readonly { readonly name: string; readonly after: number; readonly kinds: readonly string[] }[]
  readonly goingDown: number
  drivers(services: GuestServices): readonly GuestDriverSpec[]
  surface(bus: GuestBus, services: GuestServices): FreebsdSurface
}

// No real run was measured: the order of magnitude of a Linux guest.
const BOOT = 3_000 * TICKS_PER_MS
const ATTACH = 50 * TICKS_PER_MS
const GOING_DOWN = 100 * TICKS_PER_MS

/** Open source, OS type 2 (FreeBSD), its version above (sys/dev/hyperv/vmbus/hyperv_reg.h, MSR_HV_GUESTID). */
const guestOsId = (release: FreebsdRelease): bigint => (1n << 63n) | (2n << 56n) | (BigInt(osVersion(release)) << 16n)

const behaviourOf = (release: FreebsdRelease, { post, pendingSendSize }: Capabilities): Partial<GuestBehaviour> => ({
  osId: guestOsId(release),
  gpadlStart: 0xe1e10,
  openId: 'relid',
  probing: 'tasks',
  unloadFrom: Version.v0_13,
  // Reads the first byte of the answer and no more (sys/dev/hyperv/vmbus/vmbus.c, vmbus_connect).
  checksConnectionState: false,
  post: post === 'ten' ? FREEBSD_10_POST : FREEBSD_POST,
  featureBits: pendingSendSize === 'none' ? 'none' : 'out',
})

function generationOf(
  release: FreebsdRelease,
  fields: Evidenced<Capabilities>,
  options: FreebsdOptions,
): FreebsdGeneration {
  const capabilities = valuesOf(fields)
  const { drivers: own = [], sampleThreshold, ignoreSync } = options
  const tunables: ClockTunables = {
    sampleThreshold: sampleThreshold ?? CLOCK_TUNABLES.sampleThreshold,
    ignoreSync: ignoreSync ?? CLOCK_TUNABLES.ignoreSync,
  }
  const kinds = [
    ...[shutdown.kind, timesync.kind, heartbeat.kind],
    ...(capabilities.kvp === undefined ? [] : [kvp.kind]),
    ...(capabilities.vss === undefined ? [] : [vss.kind]),
  ]
  return {
    name: `freebsd-${releaseKey(release).replace(' + ', '-')}`,
    release,
    basis: weakestOf(Object.values(fields).map(({ basis }) => basis)),
    fields,
    capabilities,
    quirks: quirksOf(capabilities),
    versions: capabilities.vmbus,
    behaviour: behaviourOf(release, capabilities),
    load: [
      { name: 'vmbus', after: BOOT, kinds: [] },
      { name: 'storvsc', after: ATTACH, kinds: [storvsc.kind] },
      { name: 'hn', after: ATTACH, kinds: [netvsc.kind] },
      { name: 'hvutils', after: ATTACH, kinds },
      ...(own.length === 0 ? [] : [{ name: 'drivers', after: ATTACH, kinds: own.map(({ kind }) => kind) }]),
    ],
    goingDown: GOING_DOWN,
    drivers: (services) => [
      ...freebsdDrivers(capabilities, systemOf(services, release, options), services, tunables),
      ...own,
    ],
    surface(bus, services) {
      const { daemons, net } = systemOf(services, release, options)
      return {
        sysctl: () => vmbusSysctl(bus, capabilities, tunables),
        daemon: (name) => daemons[name],
        node: (path) => daemons.nodes.find((node) => node.path === path && node.exists),
        get disks() {
          return disksOf(bus)
        },
        disk: (name) => disksOf(bus).find((disk) => disk.name === name),
        net: (name) => freebsdInterface(net, name),
      }
    },
  }
}

/**
 * The integration services of a release such as `10.4`, `FreeBSD 14.1-RELEASE` or `9.3 + port`; undefined for a text that is
 * no release, and for a release that has no drivers or is not known. Throws OptionsError (VMBUS_OPTIONS_INVALID).
 */
export function freebsdRelease(text: string, options: FreebsdOptions = {}): FreebsdGeneration | undefined {
  checkOptions('freebsd', freebsdOptions, options)
  const release = parseRelease(text)
  const fields = release === undefined ? undefined : fieldsOf(release)
  return release === undefined || fields === undefined ? undefined : generationOf(release, fields, options)
}

/**
 * As `freebsdRelease`, and throws FreebsdReleaseError (VMBUS_FREEBSD_RELEASE) where that is undefined.
 */
export function freebsd(text: string, options: FreebsdOptions = {}): FreebsdGeneration {
  const found = freebsdRelease(text, options)
  if (found !== undefined) return found
  const release = parseRelease(text)
  if (release === undefined)
    throw new FreebsdReleaseError(`not a FreeBSD release: ${JSON.stringify(text)} (such as 13.0 or 9.3 + port)`)
  throw new FreebsdReleaseError(
    release.major < 10 && !release.port
      ? `FreeBSD ${releaseKey(release)} has no drivers for Hyper-V without the port emulators/hyperv-is`
      : `what FreeBSD ${releaseKey(release)} speaks is not known`,
  )
}

/**
 * A generation with these values and otherwise that release: a guest of which only some values are another's. Throws
 * OptionsError (VMBUS_OPTIONS_INVALID) and FreebsdReleaseError (VMBUS_FREEBSD_RELEASE).
 */
export function freebsdWith(
  release: string,
  fields: Evidenced<Capabilities>,
  options: FreebsdOptions = {},
): FreebsdGeneration {
  return generationOf(freebsd(release, options).release, fields, options)
}
