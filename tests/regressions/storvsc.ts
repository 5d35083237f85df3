/** Coverage of each row of the storvsc table: the test that fails when the defect is put back (`defects/<id>.patch`). */
export const storvscCoverage = [
  {
    id: 'ringfull-io-freeze',
    caughtBy: 'packages/storvsc/test/lifecycle.test.ts › more than they hold is delayed, never lost',
  },
  {
    id: 'srb-flags',
    caughtBy:
      'packages/storvsc/test/model.test.ts › a disk is an array, at any depth, over any pages, with faults, delays and saved worlds',
  },
  {
    id: 'error-to-success',
    caughtBy:
      'packages/storvsc/test/model.test.ts › a disk is an array, at any depth, over any pages, with faults, delays and saved worlds',
  },
  {
    id: 'id-zero',
    caughtBy:
      'packages/storvsc/test/hostile.test.ts › a hostile host: no crash, every request ends once, none without its own completion',
  },
  {
    id: 'log-flood',
    caughtBy:
      'packages/storvsc/test/model.test.ts › a disk is an array, at any depth, over any pages, with faults, delays and saved worlds',
  },
  {
    id: 'data-length',
    caughtBy:
      'packages/storvsc/test/model.test.ts › a disk is an array, at any depth, over any pages, with faults, delays and saved worlds',
  },
  {
    id: 'removed-luns',
    caughtBy: 'packages/storvsc/test/lifecycle.test.ts › hot add and remove are told by ENUMERATE_BUS',
  },
  {
    id: 'no-completion-flag',
    caughtBy:
      'packages/storvsc/test/model.test.ts › a disk is an array, at any depth, over any pages, with faults, delays and saved worlds',
  },
] as const
