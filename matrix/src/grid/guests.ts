import { releases, type Release } from '@vmbus/catalog'
import { freebsdRelease } from '@vmbus/guest-freebsd'
import { kernelVersion, linux, linuxRelease, type FieldName, type LinuxGeneration } from '@vmbus/guest-linux'
import type { GuestGeneration } from '@vmbus/simulation'
import { weakestOf } from '@vmbus/world'

/** A simulated guest, and how its capabilities are known. */
export interface GridGuest extends GuestGeneration {
  readonly basis: string
}

/** A distribution release of the catalog as a row of the grid. */
export interface Row {
  readonly family: string
  readonly release: string
  /** The kernel as the catalog writes it. */
  readonly kernel: string
  /** What simulates it; undefined with a reason when nothing here does. */
  readonly generation: GridGuest | undefined
  readonly reason?: string
}

/** 3.2: the first upstream kernel whose Hyper-V drivers were all out of staging (data/kernels.json, upstream_features). */
const FIRST_UPSTREAM = { major: 3, minor: 2 } as const

const OLDER = 'a kernel older than the upstream drivers; what its vendor backported is in no source that was read'

/** What a cell looks at. */
const MEASURED: readonly FieldName[] = ['vmbus', 'heartbeat', 'timesync', 'shutdown']

const measured = (generation: LinuxGeneration): GridGuest => ({
  ...generation,
  basis: weakestOf(MEASURED.map((name) => generation.fields[name].basis)),
})

function linuxRow(row: Omit<Row, 'generation'>): Row {
  const release = linuxRelease(`${row.family} ${row.release}`)
  if (release !== undefined) return { ...row, generation: measured(release) }
  const { major, minor } = kernelVersion(row.kernel)
  if (major > FIRST_UPSTREAM.major || (major === FIRST_UPSTREAM.major && minor >= FIRST_UPSTREAM.minor))
    return { ...row, generation: measured(linux(row.kernel)) }
  return { ...row, generation: undefined, reason: OLDER }
}

/** CentOS and Oracle's compatible kernel are RHEL's kernels, an UEK is one on every release: each kernel has one row. */
const ownKernel = ({ distribution, release, kernelLine }: Release): boolean =>
  distribution !== 'centos' && kernelLine !== 'rhck' && (distribution !== 'oracle' || release === undefined)

function rowOf({ distribution, release = '', kernelLine, kernel: { value: kernel }, drivers, reason }: Release): Row {
  const row =
    distribution === 'oracle'
      ? { family: 'oracle-uek', release: kernelLine ?? '', kernel }
      : { family: distribution, release: drivers === 'ports' ? `${release} + port` : release, kernel }
  if (drivers === 'none') return { ...row, generation: undefined, ...(reason && { reason: reason.value }) }
  if (distribution === 'freebsd') {
    const generation = freebsdRelease(row.release)
    return { ...row, generation, ...(generation === undefined && { reason: 'no tree of this release was read' }) }
  }
  return linuxRow(row)
}

/** Every kernel of the catalog with the drivers that it has or that ports bring, in its order. */
export const gridRows = (): readonly Row[] =>
  releases()
    .filter((release) => release.distribution !== 'windows' && release.drivers !== 'lis' && ownKernel(release))
    .map(rowOf)
