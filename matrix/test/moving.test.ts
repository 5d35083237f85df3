import { hostProfile, type HostProfile } from '@vmbus/host'
import { expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { liveBackupProbe } from '../src/probes/live-backup.ts'
import { liveMigrationProbe } from '../src/probes/live-migration.ts'
import type { Stage } from '../src/probes/stage.ts'
import { planOf } from '../src/run/plan.ts'
import { nextHost } from '../src/worlds/hosts.ts'
import { simulatedStage } from '../src/worlds/simulated.ts'

const host = (id: string): HostProfile => hostProfile(id) ?? expect.fail(id)

// Cross-version live migration began between 2012 and 2012 R2; Windows 10 moves no running machine.
test.each([
  ['ws2008r2', 'ws2008r2'],
  ['ws2012', 'ws2012r2'],
  ['ws2012r2', 'ws2016'],
  ['ws2016', 'ws2019'],
  ['ws2019', 'ws2022'],
  ['ws2022', 'ws2025'],
  ['ws2025', 'ws2025'],
  ['win10-1903', 'win10-1903'],
  ['azurelocal', 'azurelocal'],
])('a machine of %s moves to %s', (from, to) => {
  expect(nextHost(host(from)).id).toBe(to)
})

test('where a host differs by the one that its machines move to, it is measured by itself', () => {
  const plan = planOf(
    ['ws2016', 'win10-1703'].map((id) => ({ release: 'rhel 7.9', host: host(id) })),
    [liveMigrationProbe, liveBackupProbe],
    { seed: 1 },
  )
  expect(plan.of('rhel 7.9', 'ws2016', 'live-migration')).not.toEqual(
    plan.of('rhel 7.9', 'win10-1703', 'live-migration'),
  )
  expect(plan.of('rhel 7.9', 'ws2016', 'live-backup')).toEqual(plan.of('rhel 7.9', 'win10-1703', 'live-backup'))
})

function stageOf(probe: typeof liveBackupProbe): Stage {
  const guest = guestOf('rhel 7.9')
  if (!isGuest(guest)) throw new Error(guest.reason)
  return simulatedStage({ probe, guest, profile: host('ws2016'), seed: 1, runs: 3 })
}
/** The stage with some of it otherwise. */
const otherwise = (stage: Stage, change: Partial<Stage>): Stage =>
  Object.create(stage, Object.getOwnPropertyDescriptors(change)) as Stage

test('a guest whose programs go on writing while it should stand still has no backup', async () => {
  const stage = stageOf(liveBackupProbe)
  const restless = otherwise(stage, { backup: () => ({ frozen: false, onSnapshot: stage.backup().onSnapshot }) })
  const { outcome, reason } = await liveBackupProbe.measure(restless)
  expect(outcome).toBe('fails')
  expect(reason).toContain('the snapshot is not what was written before it')
})

test('a write that ends on no host is lost by the move', async () => {
  const stage = stageOf(liveMigrationProbe)
  const lossy = otherwise(stage, {
    migrate() {
      stage.migrate()
      stage.medium('storvsc').disk.write(0, [new Uint8Array(90_000 * 512)])
    },
  })
  expect(await liveMigrationProbe.measure(lossy)).toMatchObject({ outcome: 'fails' })
})
