import { arrive, byGuest, fails, noSource, works } from './arrive.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'
import { sectors, through } from './virtual-fc.ts'

/** The guest shows one port, by the names that the host gave it. */
function named(stage: Stage): boolean | string {
  const [first, ...others] = stage.ports() ?? []
  if (first === undefined) return 'the guest shows no port'
  const { port, node } = stage.fabric
  return (first.port === port && first.node === node && others.length === 0) || 'the guest shows other names'
}

/** The published row: what the driver has of port and node of a Fibre Channel adapter is shown by the guest, and stays. */
export const scsiWwnProbe: Probe = {
  id: 'scsi-wwn',
  feature: 'scsi-wwn',
  version: 2,
  world: 'storage',
  devices: ['fc'],
  needs: { field: 'scsi-wwn', reason: 'the host has no names of SCSI disks' },
  reads: {
    linux: ['vmbus', 'storvsc', 'fibreChannel', 'wwn'],
    freebsd: ['vmbus', 'storvsc', 'storvscChoice'],
    windows: ['vmbus', 'storvsc'],
    host: ['vmbus', 'storvsc', 'limits'],
  },
  bytes: ['fc'],
  control: { wwn: false },
  async measure(stage) {
    const found = await arrive(stage, 'fc')
    if (found !== undefined) return found
    if (stage.ports() === undefined)
      return noSource('whether and where the storage driver of a Windows guest shows the names of its port')
    if (!(await stage.until(() => stage.disks.length > 0))) return fails('no disk was found', byGuest('storvsc'))
    const end = await stage.property('names', sectors, async (list) => {
      const done = await through(stage, list)
      return done === true ? named(stage) : done
    })
    return end.held ? works : fails(end.reason, byGuest('wwn'))
  },
}
