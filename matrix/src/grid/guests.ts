import { distributionKernels, type DistributionKernel } from '@vmbus/catalog'
import { kernelVersion, linux, type LinuxGeneration } from '@vmbus/guest-linux'

/** A distribution release of the catalog as a row of the grid. */
export interface Row {
  readonly family: string
  readonly release: string
  /** The kernel as the catalog writes it. */
  readonly kernel: string
  /** What simulates it; undefined with a reason when nothing here does. */
  readonly generation: LinuxGeneration | undefined
  readonly reason?: string
}

/** 3.2: the first upstream kernel whose Hyper-V drivers were all out of staging (data/kernels.json, upstream_features). */
const FIRST_UPSTREAM = { major: 3, minor: 2 } as const

function rowOf({ family, release, kernel }: DistributionKernel): Row {
  const row = { family, release, kernel }
  if (!/^\d/.test(kernel)) return { ...row, generation: undefined, reason: `${kernel}: no generation of its own` }
  const { major, minor } = kernelVersion(kernel)
  if (major < FIRST_UPSTREAM.major || (major === FIRST_UPSTREAM.major && minor < FIRST_UPSTREAM.minor))
    return {
      ...row,
      generation: undefined,
      reason: `kernel ${kernel} is older than the upstream drivers; what the vendor backported is known from no source that was read`,
    }
  return { ...row, generation: linux(kernel) }
}

/** Every release of the catalog, in its order. */
export const gridRows = (): readonly Row[] => distributionKernels().map(rowOf)
