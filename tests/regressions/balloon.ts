import type { Coverage } from './coverage.ts'

const ACCOUNTS =
  'packages/balloon/test/accounts.test.ts › guest and host have the same pages after every operation, above the floor, and each answer equals the work'

/** Coverage of the rows on dynamic memory: the test that fails when the defect is put back (`defects/<id>.patch`). */
export const balloonCoverage: readonly Coverage[] = [
  { id: 'balloon-order', caughtBy: ACCOUNTS },
  { id: 'balloon-floor', caughtBy: ACCOUNTS },
  { id: 'balloon-over', caughtBy: ACCOUNTS },
  {
    id: 'balloon-transid',
    caughtBy: 'packages/balloon/test/balloon.test.ts › the ids of either end are unique and in order, from 1',
  },
  {
    id: 'hotadd-block',
    caughtBy: 'packages/balloon/test/balloon.test.ts › brings whole blocks on the declared alignment',
  },
  {
    id: 'hotadd-zero-success',
    caughtBy: 'packages/balloon/test/balloon.test.ts › nothing added is no end: the host may try again',
  },
]
