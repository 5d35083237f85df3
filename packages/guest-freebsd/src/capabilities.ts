import { Version, type VmbusVersion } from '@vmbus/core'
import { icVersion, type IcVersions } from '@vmbus/ic'
import { atLeast, type FreebsdRelease } from './release.ts'

/**
 * How a capability is known: read in a snapshot of the source (`source-read`), or concluded for a release that no
 * snapshot was read of (`inferred`).
 */
export type Basis = 'source-read' | 'inferred'

/** What the integration services of a release speak. VMBus versions are in the order in which the driver tries them. */
export interface Capabilities {
  readonly vmbus: readonly VmbusVersion[]
  readonly heartbeat: IcVersions
  readonly timesync: IcVersions
  readonly shutdown: IcVersions
  readonly basis: Basis
}

const only = (major: number, minor: number): IcVersions => ({
  framework: [icVersion(3, 0)],
  message: [icVersion(major, minor)],
})
const BEFORE_SOCKETS = [Version.v3_0, Version.v2_4, Version.v1_1, Version.v0_13]

/** sys/dev/hyperv/vmbus/vmbus.c (vmbus_version) and sys/dev/hyperv/utilities, snapshots of the 11 and 12 branches. */
const OLDEST: Capabilities = {
  vmbus: BEFORE_SOCKETS,
  heartbeat: only(3, 0),
  timesync: only(4, 0),
  shutdown: only(3, 0),
  basis: 'source-read',
}

/** 13.0 came with Hyper-V sockets, which need VMBus 4.0; which versions its driver tries above that was not read. */
const SOCKETS: Partial<Capabilities> = { vmbus: [Version.v4_0, ...BEFORE_SOCKETS], basis: 'inferred' }

export function capabilitiesOf(release: FreebsdRelease): Capabilities {
  if (atLeast(release, 13, 0)) return { ...OLDEST, ...SOCKETS }
  // The driver was rewritten for 11.0.
  return atLeast(release, 11, 0) ? OLDEST : { ...OLDEST, basis: 'inferred' }
}
