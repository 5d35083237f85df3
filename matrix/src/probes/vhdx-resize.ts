import fc from 'fast-check'
import { arrive, byGuest, fails, noSource, works } from './arrive.ts'
import { isSame } from './is-same.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const MIB = 1 << 20
const SECTOR = 512

const sizes = fc.array(fc.integer({ min: 8, max: 96 }), { minLength: 1, maxLength: 4, size: 'max' })

/** Grows and shrinks the image below the guest, which has the new size after its next command and uses all of it. */
async function resized(stage: Stage, list: readonly number[]): Promise<boolean | string> {
  const disk = stage.disk()
  for (const mib of list) {
    const fill = new Uint8Array(SECTOR).fill(mib)
    await disk.write(0, fill)
    stage.medium('storvsc').disk.resize((mib * MIB) / SECTOR)
    await disk.read(0, SECTOR)
    if (!(await stage.until(() => disk.size === mib * MIB))) return `of ${mib} MiB the guest sees ${disk.size / MIB}`
    const last = mib * MIB - SECTOR
    const { ok } = await disk.write(last, fill)
    for (const at of [0, last]) {
      const { data } = await disk.read(at, SECTOR)
      if (!ok || !isSame(data, fill)) return 'the disk does not keep its contents'
    }
  }
  return true
}

export const vhdxResizeProbe: Probe = {
  id: 'vhdx-resize',
  feature: 'vhdx-resize',
  version: 3,
  world: 'storage',
  devices: ['storvsc'],
  needs: { field: 'vhdx-resize', reason: 'the host changes no image that is in use' },
  reads: {
    linux: ['vmbus', 'storvsc', 'capacityChange'],
    freebsd: ['vmbus', 'storvsc', 'storvscChoice', 'hotLun'],
    windows: ['vmbus', 'storvsc'],
    host: ['vmbus', 'storvsc'],
  },
  bytes: ['storvsc'],
  control: { capacityChange: false },
  async measure(stage) {
    const found = await arrive(stage, 'storvsc')
    if (found !== undefined) return found
    // sys/cam/scsi/scsi_da.c of 10.4, daasync: 2Ah/09h has a disk probed again. What the first storage drivers hand on was not read; those
    // with hot units are the ones whose answers to CAM were.
    if (stage.family === 'freebsd' && stage.guest['hotLun'] !== true)
      return noSource('what this driver tells CAM of a capacity that changes')
    if (!(await stage.until(() => stage.disks.length > 0))) return fails('no disk was found', byGuest('storvsc'))
    const end = await stage.property('sizes', sizes, (list) => resized(stage, list))
    return end.held ? works : fails(end.reason, byGuest(stage.family === 'linux' ? 'capacityChange' : 'storvsc'))
  },
}
