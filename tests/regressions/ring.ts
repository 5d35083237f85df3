import type { Coverage } from './coverage.ts'

const LIFE =
  'packages/core/test/life.test.ts › offer, open, close, grant, rescind, release, unload, suspend, save and hot add in any order keep the invariants'
const SAVE = 'packages/core/test/life.test.ts › saving and restoring after every step changes no later byte'
const RING =
  'packages/core/test/ring.test.ts › the ring is a queue, whatever its pages, and signals exactly on transitions'
const CHANNEL =
  'packages/core/test/channel-life.test.ts › ends that act only on signals deliver everything, in any order of steps'
const HOSTILE = 'packages/core/test/hostile-peer.test.ts › a hostile peer breaks no more than its channel'

/** Coverage of each row of the table "Ring, signalling, monitor": the test that fails when the defect is put back (`defects/<id>.patch`). */
export const ringCoverage: readonly Coverage[] = [
  { id: 'ring-lost-wakeup', caughtBy: CHANNEL },
  { id: 'ring-signal-rule', caughtBy: RING },
  { id: 'ring-pending-feature-lie', caughtBy: CHANNEL },
  { id: 'ring-oversignal', caughtBy: RING },
  {
    id: 'ring-barrier',
    caughtBy: 'packages/core/test/ring-races.test.ts › an index is visible after all that it covers',
  },
  { id: 'ring-page-size', caughtBy: RING },
  { id: 'monitor-ids', caughtBy: LIFE },
  { id: 'desc-underflow', caughtBy: HOSTILE },
  { id: 'gpa-range-split', caughtBy: 'packages/core/test/gpadl.test.ts › a buffer is the list of its pages' },
  { id: 'gpa-direct-empty', caughtBy: 'packages/core/test/channel.test.ts › GPA-direct without ranges' },
  { id: 'mask-doorbell', caughtBy: RING },
  { id: 'unload-writes-memory', caughtBy: LIFE },
  { id: 'save-loses-event', caughtBy: SAVE },
  {
    id: 'early-data',
    caughtBy:
      'packages/compliance/test/regressions/early-data.test.ts › what a host says while a channel opens is heard',
  },
  {
    id: 'recv-empty-vs-error',
    caughtBy: 'packages/core/test/ring-regressions.test.ts › empty and broken are told apart',
  },
]
