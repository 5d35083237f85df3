import {
  FREEBSD_POST,
  Version,
  type GuestBehaviour,
  type GuestBus,
  type GuestDriverSpec,
  type VmbusVersion,
} from '@vmbus/core'
import { heartbeat } from '@vmbus/heartbeat'
import type { IcGuestOptions, IcVersions } from '@vmbus/ic'
import { shutdown, type ShutdownAction } from '@vmbus/shutdown'
import { timesync, type GuestClock } from '@vmbus/timesync'
import { TICKS_PER_MS } from '@vmbus/world'
import { capabilitiesOf, type Basis, type Capabilities } from './capabilities.ts'
import { freebsdRelease, type FreebsdRelease } from './release.ts'
import { vmbusSysctl } from './sysctl.ts'

/** What the drivers use of the rest of the system. */
export interface FreebsdServices {
  readonly clock: GuestClock
  /** Goes down, after the answer to the host is in the ring. */
  act(action: ShutdownAction, forced: boolean): void
}

export interface FreebsdOptions {
  /** hw.hvtimesync.sample_thresh in 100 ns units: samples closer than this are ignored; default 100 ms. */
  readonly sampleThreshold?: number
  /** Drivers of your own, attached with the others. */
  readonly drivers?: readonly GuestDriverSpec[]
}

/** What the operating system shows beside its bus. */
export interface FreebsdSurface {
  /** Lines of `sysctl`, by name. */
  sysctl(): Readonly<Record<string, string>>
}

/** The integration services of one FreeBSD release, ready to run in a simulated guest. */
export interface FreebsdGeneration {
  readonly name: string
  readonly release: FreebsdRelease
  readonly basis: Basis
  readonly capabilities: Capabilities
  readonly versions: readonly VmbusVersion[]
  readonly behaviour: Partial<GuestBehaviour>
  readonly load: readonly { readonly name: string; readonly after: number; readonly kinds: readonly string[] }[]
  readonly goingDown: number
  drivers(services: FreebsdServices): readonly GuestDriverSpec[]
  surface(bus: GuestBus): FreebsdSurface
}

// No real run was measured: the order of magnitude of a Linux guest.
const BOOT = 3_000 * TICKS_PER_MS
const ATTACH = 50 * TICKS_PER_MS
const GOING_DOWN = 100 * TICKS_PER_MS

/** Open source, OS type 2 (FreeBSD), its version above (sys/dev/hyperv/vmbus/hyperv_reg.h, MSR_HV_GUESTID). */
const guestOsId = ({ major, minor }: FreebsdRelease): bigint =>
  (1n << 63n) | (2n << 56n) | (BigInt(major * 100_000 + minor * 1000) << 16n)

/** The host's best that is not above its own, and silence when that cannot be (sys/dev/hyperv/utilities/vmbus_ic.c). */
const freebsdIc = (versions: IcVersions): Pick<IcGuestOptions, 'versions' | 'match' | 'unmatched'> => ({
  versions,
  match: 'at-most',
  unmatched: 'silence',
})

/**
 * The integration services of a FreeBSD release such as `13.0` or `14.1-RELEASE`.
 *
 * @throws FreebsdReleaseError VMBUS_FREEBSD_RELEASE when the text does not begin with a release.
 */
export function freebsd(version: string, options: FreebsdOptions = {}): FreebsdGeneration {
  const release = freebsdRelease(version)
  const capabilities = capabilitiesOf(release)
  const { drivers: own = [], sampleThreshold } = options
  const kinds = [shutdown.kind, timesync.kind, heartbeat.kind, ...own.map(({ kind }) => kind)]
  return {
    name: `freebsd-${release.major}.${release.minor}`,
    release,
    basis: capabilities.basis,
    capabilities,
    versions: capabilities.vmbus,
    behaviour: {
      osId: guestOsId(release),
      gpadlStart: 0xe1e10,
      openId: 'relid',
      probing: 'tasks',
      unloadFrom: Version.v0_13,
      // Reads the first byte of the answer and no more (sys/dev/hyperv/vmbus/vmbus.c, vmbus_connect).
      checksConnectionState: false,
      post: FREEBSD_POST,
    },
    load: [
      { name: 'vmbus', after: BOOT, kinds: [] },
      { name: 'hvutils', after: ATTACH, kinds },
    ],
    goingDown: GOING_DOWN,
    drivers: ({ clock, act }) => [
      // Flags 0 and 1 only (sys/dev/hyperv/utilities/vmbus_shutdown.c).
      shutdown.driver({
        ...freebsdIc(capabilities.shutdown),
        act: (action, forced) => act(action, forced),
        supports: ['power-off'],
      }),
      timesync.driver({
        ...freebsdIc(capabilities.timesync),
        clock,
        ...(sampleThreshold === undefined ? {} : { sampleThreshold }),
      }),
      heartbeat.driver(freebsdIc(capabilities.heartbeat)),
      ...own,
    ],
    surface: (bus) => ({ sysctl: () => vmbusSysctl(bus) }),
  }
}
