import type { BackupRefusal } from '@vmbus/vss'
import fc from 'fast-check'
import { arrive, byGuest, fails, STRANGE, works } from './arrive.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const SECTOR = 512
const BUSY_SECONDS = 120
const writes = fc.array(fc.record({ at: fc.nat(2000), fill: fc.integer({ min: 1, max: 255 }) }), {
  minLength: 1,
  maxLength: 6,
  size: 'max',
})

/** Writes, a backup, and a write that is after it: the snapshot has the first and not the last. */
async function backedUp(stage: Stage, list: readonly { at: number; fill: number }[]): Promise<boolean | string> {
  const disk = stage.disk()
  const contents = new Map<number, number>()
  for (const { at, fill } of list) {
    await disk.write(at * SECTOR, new Uint8Array(SECTOR).fill(fill))
    contents.set(at, fill)
  }
  await disk.flush()
  let taken = 'nobody asked for the snapshot'
  stage.backup().onSnapshot(() => {
    taken = stage.backup().frozen ? '' : 'the guest does not stand still'
    const sector = new Uint8Array(SECTOR)
    for (const [at, fill] of contents) {
      stage.medium('storvsc').disk.read(at, [sector])
      if (sector.some((byte) => byte !== fill)) taken = 'the snapshot lacks what was written'
    }
    return true
  })
  let id: number | BackupRefusal = 'busy'
  // A guest that leaves the end of a backup unanswered, as FreeBSD does, is busy with it for 60 s.
  await stage.until(() => (id = stage.device('vss').backup()) !== 'busy', BUSY_SECONDS)
  if (typeof id === 'string') return `the host takes no backup: ${id}`
  const end = await stage.answer('vss:backup', id)
  if (taken !== '') return taken
  if (end?.consistent !== true) return `the backup ends as ${end?.outcome ?? 'unanswered'}`
  return !stage.backup().frozen || 'the guest stays frozen'
}

export const liveBackupProbe: Probe = {
  id: 'live-backup',
  feature: 'live-backup',
  version: 1,
  world: 'services',
  devices: ['vss', 'storvsc'],
  reads: {
    linux: ['vmbus', 'vss', 'storvsc'],
    freebsd: ['vmbus', 'negotiation', 'vss', 'storvsc', 'storvscChoice'],
    windows: ['vmbus', 'vss', 'storvsc'],
    host: ['vmbus', 'framework', 'vss', 'storvsc'],
  },
  bytes: ['vss'],
  control: { vss: STRANGE },
  async measure(stage) {
    const found = await arrive(stage, 'vss', 'storvsc')
    if (found !== undefined) return found
    if (!(await stage.until(() => stage.disks.length > 0))) return fails('no disk was found', byGuest('storvsc'))
    const end = await stage.property('consistent', writes, (list) => backedUp(stage, list))
    return end.held ? works : fails(end.reason, byGuest('vss'))
  },
}
