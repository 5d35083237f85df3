import { distributionKernels, type DistributionKernel } from '@vmbus/catalog'
import { freebsd } from '@vmbus/guest-freebsd'
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

/** `same kernels as rhel of the same number`: the releases of another family stand for these. */
function rowOf({ family, release, kernel }: DistributionKernel): Row {
  const row = { family, release, kernel }
  if (family === 'freebsd') return { ...row, generation: freebsd(release) }
  if (/^\d/.test(kernel)) return linuxRow(row)
  return { ...row, generation: undefined, reason: `${kernel}: see those rows` }
}

/** Every release of the catalog, in its order. */
export const gridRows = (): readonly Row[] => distributionKernels().map(rowOf)
