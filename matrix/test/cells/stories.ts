import { release, type Release, type Support } from '@vmbus/catalog'
import type { Cell } from '../../src/cells/story.ts'
import type { Part } from '../../src/cells/combine.ts'
import type { Execution, ReadField } from '@vmbus/report'

/** A row of the list, which has it. */
export function rowOf(key: string): Release {
  const row = release(key)
  if (row === undefined) throw new Error(`no release ${key}`)
  return row
}

export const execution = (change: Partial<Execution> = {}): Execution => ({
  id: 'e1',
  probe: 'p1',
  outcome: 'works',
  reason: '',
  seed: 1,
  runs: 20,
  bytes: 100,
  transcript: 'abc',
  ...change,
})

export const read = (field: string, basis: ReadField['basis'] = 'source-read', of: ReadField['of'] = 'guest') => ({
  of,
  field,
  value: '5.3',
  basis,
  source: `the tree of ${field}`,
})

/** A probe's part of a feature; no execution when `ran` is undefined. */
export const part = (ran: Partial<Execution> | undefined, more: Partial<Part> = {}): Part => ({
  probe: { id: ran?.probe ?? 'p1' },
  reads: [read('vmbus')],
  ...(ran !== undefined && { execution: execution(ran) }),
  ...more,
})

type Page = Support['pages'][number]

export const page = (value: Page['value'], change: Partial<Page> = {}): Page => ({
  value,
  date: '2025-06-19',
  page: 'Supported.md',
  commit: null,
  table: 't@2025',
  column: '7.6-7.9',
  scope: undefined,
  notes: [],
  ...change,
})

export const support = (...pages: readonly Page[]): Support => ({
  release: 'rhel 7.9',
  host: 'ws2022',
  feature: { id: 'trim', name: 'TRIM support', group: 'storage' },
  runs: 'integration-services',
  reason: undefined,
  pages,
})

export const cell = (change: Partial<Cell> = {}): Cell => ({
  release: rowOf('rhel 7.9'),
  host: 'ws2022',
  feature: 'trim',
  support: support(page('yes')),
  parts: [part({})],
  ...change,
})
