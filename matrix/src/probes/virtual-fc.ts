import fc from 'fast-check'
import { arrive, byGuest, fails, works } from './arrive.ts'
import { isSame } from './is-same.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const SECTOR = 512

export const sectors = fc.array(
  fc.record({ at: fc.nat(90_000), count: fc.integer({ min: 1, max: 64 }), fill: fc.integer({ min: 1, max: 255 }) }),
  { minLength: 1, maxLength: 6, size: 'max' },
)

type Sectors = readonly { readonly at: number; readonly count: number; readonly fill: number }[]

/** What the guest writes through its Fibre Channel adapter is on the disk behind it, and is read again. */
export async function through(stage: Stage, list: Sectors): Promise<boolean | string> {
  const disk = stage.disk()
  const behind = new Uint8Array(SECTOR)
  for (const { at, count, fill } of list) {
    const bytes = count * SECTOR
    const written = new Uint8Array(bytes).fill(fill)
    const { ok, outcome } = await disk.write(at * SECTOR, written)
    if (!ok) return `a write ends as ${outcome}`
    stage.medium('fc').disk.read(at + count - 1, [behind])
    const { data } = await disk.read(at * SECTOR, bytes)
    if (!isSame(behind, written.subarray(bytes - SECTOR)) || !isSame(data, written))
      return 'the disk does not keep what is written'
  }
  return true
}

export const virtualFcProbe: Probe = {
  id: 'virtual-fc',
  feature: 'virtual-fc',
  version: 1,
  world: 'storage',
  devices: ['fc'],
  reads: {
    linux: ['vmbus', 'storvsc', 'fibreChannel'],
    freebsd: ['vmbus', 'storvsc', 'storvscChoice'],
    windows: ['vmbus', 'storvsc'],
    host: ['vmbus', 'storvsc', 'limits'],
  },
  bytes: ['fc'],
  control: { fibreChannel: false },
  async measure(stage) {
    const found = await arrive(stage, 'fc')
    if (found !== undefined) return found
    if (!(await stage.until(() => stage.disks.length > 0))) return fails('no disk was found', byGuest('storvsc'))
    const end = await stage.property('through', sectors, (list) => through(stage, list))
    return end.held ? works : fails(end.reason, byGuest('storvsc'))
  },
}
