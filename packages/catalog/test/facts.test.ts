import { describe, expect, it } from 'vitest'
import { distributionKernels, grids, hostBuilds } from '@vmbus/catalog'

describe('catalog facts', () => {
  it('holds the seventeen host builds, each with a VMBus maximum that it also offers', () => {
    const builds = hostBuilds()
    expect(builds).toHaveLength(17)
    for (const build of builds) expect(build.vmbus_offered.value).toContain(build.vmbus_max.value)
    expect(builds.find((build) => build.id === 'ws2022')?.vmbus_max.value).toBe('5.3')
  })

  it('names a kernel for the two Debian releases that live archives carry', () => {
    const kernels = distributionKernels()
    expect(kernels.find((row) => row.family === 'debian' && row.release === '11')?.kernel).toBe('5.10')
    expect(kernels.find((row) => row.family === 'debian' && row.release === '12')?.kernel).toBe('6.1')
    expect(kernels).toHaveLength(105)
  })

  it('has thirty features and only known values in the grids', () => {
    const { features, families } = grids()
    expect(features).toHaveLength(30)
    expect(families).toHaveLength(8)
    const ids = new Set(features.map((feature) => feature.id))
    for (const family of families)
      for (const release of family.releases)
        for (const [feature, cell] of Object.entries(release.support)) {
          expect(ids).toContain(feature)
          expect(['yes', 'no', 'n/a', 'partial']).toContain(cell.value)
        }
  })
})
