import type { BackupRefusal } from '@vmbus/vss'
import fc from 'fast-check'
import { arrive, byGuest, fails, STRANGE, works } from './arrive.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const SECTOR = 512
const BUSY_SECONDS = 120
/** Less than the 10 s for which the writers of Windows stand still (IVssBackupComponents::DoSnapshotSet). */
const SNAPSHOT_SECONDS = 2
/** Fill of what a program writes, or tries to, after the guest was to stand still. */
const LATE = 0

const writes = fc.record({
  before: fc.array(fc.record({ at: fc.nat(2000), fill: fc.integer({ min: 1, max: 255 }) }), {
    minLength: 1,
    maxLength: 6,
    size: 'max',
  }),
  /** Of those before, whose sectors are written anew while the snapshot is taken. */
  again: fc.nat(5),
})
type Writes = typeof writes extends fc.Arbitrary<infer T> ? T : never

/** A program that writes through the file system, and so waits while that stands still; false when it waits. */
async function writesLate(stage: Stage, at: number): Promise<boolean> {
  if (stage.backup().frozen) return false
  await stage.disk().write(at * SECTOR, new Uint8Array(SECTOR).fill(LATE))
  return true
}

/** The snapshot, which takes its time while programs go on writing: what is on the disk at its end. */
async function snapshot(
  stage: Stage,
  sectors: readonly number[],
  at: number,
): Promise<ReadonlyMap<number, readonly number[]>> {
  await writesLate(stage, at)
  await stage.run(SNAPSHOT_SECONDS)
  await writesLate(stage, at)
  const taken = sectors.map((each) => {
    const bytes = new Uint8Array(SECTOR)
    stage.medium('storvsc').disk.read(each, [bytes])
    return [each, [...new Set(bytes)]] as const
  })
  return new Map(taken)
}

/** A backup under writes: the snapshot has all that was written before it and nothing of what came after. */
async function backedUp(stage: Stage, { before, again }: Writes): Promise<boolean | string> {
  const disk = stage.disk()
  const contents = new Map(before.map(({ at, fill }) => [at, fill]))
  const writing = before.map(({ at, fill }) => disk.write(at * SECTOR, new Uint8Array(SECTOR).fill(fill)))
  let isAsked = false
  stage.backup().onSnapshot(() => {
    isAsked = true
    return 'later'
  })
  // The last of the writes are under way when the host asks.
  let id: number | BackupRefusal = stage.device('vss').backup()
  for (const write of writing) if (!(await write).ok) return 'a write is lost'
  // A guest that leaves the end of a backup unanswered, as FreeBSD does, is busy with it for 60 s.
  await stage.until(() => id !== 'busy' || (id = stage.device('vss').backup()) !== 'busy', BUSY_SECONDS)
  if (typeof id === 'string') return `the host takes no backup: ${id}`
  if (!(await stage.until(() => isAsked, BUSY_SECONDS))) return 'nobody asked for the snapshot'
  const late = before[again % before.length]?.at ?? 0
  const taken = await snapshot(stage, [...contents.keys()], late)
  stage.device('vss').snapshotDone(true)
  const end = await stage.answer('vss:backup', id)
  for (const [at, fill] of contents) {
    const found = taken.get(at) ?? []
    if (found.length !== 1 || found[0] !== fill) return 'the snapshot is not what was written before it'
  }
  if (end?.consistent !== true) return `the backup ends as ${end?.outcome ?? 'unanswered'}`
  if (!(await stage.until(() => !stage.backup().frozen))) return 'the guest stays frozen'
  // What waited goes on.
  return (await writesLate(stage, late)) && (await disk.read(late * SECTOR, SECTOR)).data.every((byte) => byte === LATE)
}

export const liveBackupProbe: Probe = {
  id: 'live-backup',
  feature: 'live-backup',
  version: 2,
  world: 'services',
  devices: ['vss', 'storvsc'],
  reads: {
    linux: ['vmbus', 'vss', 'storvsc'],
    freebsd: ['vmbus', 'negotiation', 'vss', 'storvsc', 'storvscChoice'],
    windows: ['vmbus', 'vss', 'storvsc'],
    host: ['vmbus', 'framework', 'vss', 'storvsc'],
  },
  bytes: ['vss', 'storvsc'],
  control: { vss: STRANGE },
  async measure(stage) {
    const found = await arrive(stage, 'vss', 'storvsc')
    if (found !== undefined) return found
    if (!(await stage.until(() => stage.disks.length > 0))) return fails('no disk was found', byGuest('storvsc'))
    const end = await stage.property('consistent', writes, (drawn) => backedUp(stage, drawn))
    return end.held ? works : fails(end.reason, byGuest('vss'))
  },
}
