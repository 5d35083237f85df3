import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The files of the slow tiers that run for more than a minute, longest first. Vitest begins with the largest files, and these are
 * small: the last of them would run alone, with a core idle beside it.
 */
export const LONGEST = [
  'matrix/test/transcripts/transcripts.guests.test.ts',
  'matrix/test/kvp-vss-fcopy.guests.test.ts',
  'matrix/test/netvsc.guests.test.ts',
  'matrix/test/boot.guests.test.ts',
  'packages/compliance/test/storvsc/storvsc.guests.test.ts',
  'packages/machine-v86/test/live.guests.test.ts',
  'matrix/test/real-matrix.guests.test.ts',
  'packages/compliance/test/storvsc/rewritten-code.guests.test.ts',
  'packages/compliance/test/hostile-devices.deep.test.ts',
  'packages/compliance/test/hostile-bus.deep.test.ts',
  'packages/report/test/browser.deep.test.ts',
  'packages/netvsc/test/model.deep.test.ts',
  'packages/storvsc/test/hostile.deep.test.ts',
  'packages/core/test/hostile-peer.deep.test.ts',
  'packages/disk/test/cuts.deep.test.ts',
  'tests/regressions/defects.deep.test.ts',
  'packages/core/test/life.deep.test.ts',
  'packages/hypervisor/test/properties.deep.test.ts',
  'scripts/test/packed.deep.test.ts',
  'matrix/test/control.deep.test.ts',
  'matrix/test/defects.deep.test.ts',
  'matrix/test/queue/runs.deep.test.ts',
  'matrix/test/queue/queue.deep.test.ts',
]

const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = LONGEST.findIndex((path) => moduleId.endsWith(path))
  return rank < 0 ? LONGEST.length : rank
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => rankOf(a) - rankOf(b))
  }
}
