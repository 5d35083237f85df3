/** Coverage of the rows on key-value exchange, backup, file copy and negotiation: the test that fails when the defect is put back (`defects/<id>.patch`). */
export const icCoverage = [
  {
    id: 'kvp-version-index',
    caughtBy: 'packages/ic/test/negotiate.test.ts › picks the highest common version, whatever the order on the wire',
  },
  {
    id: 'kvp-pool-truncate',
    caughtBy: 'packages/kvp/test/model.test.ts › hold the old items or the new ones wherever the power is cut',
  },
  {
    id: 'kvp-register-race',
    noCounterpart:
      'because neither end keeps a list of its registrations: a rescind during a GPADL is the bus’s, see rescind-uaf',
  },
  {
    id: 'vss-no-daemon',
    caughtBy:
      'packages/vss/test/deadlines.test.ts › every backup ends once, a snapshot counts only if the guest stood still, and no guest stays frozen',
  },
  {
    id: 'ic-negotiation',
    caughtBy: 'packages/ic/test/negotiate.test.ts › picks the highest common version, whatever the order on the wire',
  },
  {
    id: 'fcopy-name',
    caughtBy:
      'packages/fcopy/test/fcopy.test.ts › keeps its name: one unit, 255 units, not ASCII, outside the basic plane',
  },
] as const
