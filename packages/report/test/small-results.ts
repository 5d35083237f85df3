import type { FeatureId } from '@vmbus/catalog'
import type { MatrixResults, Published, StoredStory } from '@vmbus/report'

/** A run of a few cells typed by hand: each test changes what it is about. */
export function smallResults(change: Partial<MatrixResults> = {}): MatrixResults {
  return {
    format: 'vmbus-matrix/1',
    seed: 7,
    runs: 20,
    features: [
      { id: 'trim', name: 'TRIM support', group: 'storage', probes: ['trim'] },
      { id: 'core', name: 'Core devices (shutdown, mouse)', group: 'core', probes: ['core'], missing: 'the mouse' },
      { id: 'kvp', name: 'Key-value pair exchange', group: 'misc', probes: ['kvp'] },
    ],
    hosts: [
      { id: 'ws2008r2', name: 'Windows Server 2008 R2 SP1', supportEnds: '2020-01-14' },
      { id: 'win10-1507', name: 'Windows 10 1507 (LTSB 2015)' },
      { id: 'ws2022', name: 'Windows Server 2022 / Windows 11 21H2', supportEnds: '2031-10-14' },
    ],
    releases: [
      release('rhel 7.8', '2024-06-30'),
      release('rhel 7.9', '2024-06-30'),
      release('rhel 7.10', '2024-06-30'),
      release('rhel 7.9 + lis 4.3', '2024-06-30'),
      release('debian 12'),
    ],
    executions: [execution('e0', 20, 4096)],
    causes: [
      { id: 'wide', text: 'The column is wide. Older releases lack the code.', source: 'trees', kind: 'finding' },
    ],
    reads: [
      { of: 'guest', field: 'trim', value: 'false', basis: 'source-read', source: 'tree' },
      { of: 'host', field: 'vmbusMax', value: '5.3', basis: 'bracketed', source: 'hyperv.h', bracket: ['5.2', '5.4'] },
    ],
    published: [published('yes', '2025-06-19'), published('no', '2023-09-27'), published('not-listed', '2026-01-01')],
    stories: STORIES,
    cells: Array.from({ length: 5 }, () => Array.from({ length: 9 }, () => Story.works)),
    ...change,
  }
}

/** Places in the list of stories. */
export const Story = {
  works: 0,
  lacks: 1,
  hostLacks: 2,
  notRun: 3,
  partial: 4,
  differs: 5,
  error: 6,
  documented: 7,
} as const

const works: StoredStory = {
  outcome: 'works',
  evidence: 'simulated-sourced',
  verdict: 'agrees',
  reason: '',
  execution: 'e0',
  reads: [0],
  published: [0],
}

const STORIES: readonly StoredStory[] = [
  works,
  { ...works, outcome: 'no-driver', reason: 'the driver never asks', decidedBy: { of: 'guest', field: 'trim' } },
  { ...works, outcome: 'not-offered', reason: 'the host has no such device' },
  {
    outcome: 'not-run',
    evidence: 'simulated-inferred',
    verdict: 'not-measured',
    reason: 'no device yet',
    reads: [],
    published: [],
  },
  { ...works, outcome: 'partial', verdict: 'not-measured' },
  {
    ...works,
    outcome: 'fails',
    evidence: 'simulated-inferred',
    verdict: 'differs',
    cause: 'wide',
    reads: [0, 1],
    published: [1, 0, 2],
  },
  { ...works, outcome: 'error', verdict: 'not-measured', reason: 'a bug' },
  { ...works, evidence: 'documented', verdict: 'not-measured' },
]

function release(key: string, supportEnds?: string) {
  const drivers = key.includes('+') ? 'lis' : 'built-in'
  return { key, family: key.split(' ')[0] ?? '', kernel: '3.10', drivers, ...(supportEnds ? { supportEnds } : {}) }
}

const execution = (id: string, runs: number, bytes: number) =>
  ({ id, probe: 'trim', outcome: 'works', reason: '', seed: 7, runs, bytes, transcript: 'ab'.repeat(32) }) as const

const published = (value: Published['value'], date: string): Published => ({
  value,
  date,
  page: 'Supported-RHEL.md',
  column: '7.x',
  notes: [],
})

/** The cells of `smallResults`, some of them changed: `rhel 7.9`, host, feature → story. */
export function cellsWith(
  ...changes: readonly (readonly [release: number, host: string, feature: FeatureId, story: number])[]
) {
  const { cells, hosts, features } = smallResults()
  const changed = cells.map((row) => [...row])
  for (const [at, host, feature, story] of changes) {
    const column = hosts.findIndex(({ id }) => id === host) * features.length
    const row = changed[at]
    if (row !== undefined) row[column + features.findIndex(({ id }) => id === feature)] = story
  }
  return { cells: changed }
}
