import { describe, expect, it } from 'vitest'
import { buildResults, type RunParts } from '../../src/results/build.ts'
import { countsOf } from '../../src/results/counts.ts'
import { diffOf, isWorse } from '../../src/results/diff.ts'
import { ResultsError, parseResults, resultsText } from '../../src/results/file.ts'
import { cellsOf, storiesOf } from '../../src/results/read.ts'
import type { MatrixResults, Story } from '@vmbus/report'
import { execution, read } from '../cells/stories.ts'

const story = (change: Partial<Story> = {}): Story => ({
  outcome: 'works',
  evidence: 'simulated-sourced',
  verdict: 'agrees',
  reason: '',
  execution: 'e1',
  reads: [read('vmbus'), read('vpd')],
  published: [{ value: 'yes', date: '2025-06-19', page: 'p.md', column: '7.x', notes: [] }],
  ...change,
})

const run = (storyAt: RunParts['storyOf'], change: Partial<RunParts> = {}): MatrixResults =>
  buildResults({
    seed: 1,
    runs: 20,
    features: [
      { id: 'trim', name: 'TRIM support', group: 'storage', probes: ['trim'] },
      { id: 'kvp', name: 'Key-value pair exchange', group: 'misc', probes: [] },
    ],
    hosts: [
      { id: 'ws2019', name: 'Windows Server 2019' },
      { id: 'ws2022', name: 'Windows Server 2022' },
    ],
    releases: [{ key: 'rhel 7.9', family: 'rhel', kernel: '3.10.0', drivers: 'built-in' }],
    executions: [execution({ id: 'e2' }), execution({ id: 'e1' })],
    causes: [
      { id: 'unused', text: 'A. B.', source: 's', kind: 'finding' },
      { id: 'known', text: 'A. B.', source: 's', kind: 'our-bug' },
    ],
    storyOf: storyAt,
    ...change,
  })

const NOT_RUN = { outcome: 'not-run', evidence: 'documented', verdict: 'not-measured', notRun: 'no-probe' } as const
const mixed = (): MatrixResults =>
  run((_, host, feature) =>
    feature.id === 'kvp'
      ? { ...NOT_RUN, reason: 'nothing', reads: [], published: [] }
      : host.id === 'ws2019'
        ? story({ verdict: 'differs', cause: 'known' })
        : story(),
  )

describe('results', () => {
  it('tell stories, reads and pages once each', () => {
    const results = mixed()
    expect(results.cells).toEqual([[0, 1, 2, 1]])
    expect(results.stories).toHaveLength(3)
    expect(results.stories[2]).toMatchObject({ reads: [0, 1], published: [0] })
    expect(results.reads).toHaveLength(2)
    expect(results.published).toHaveLength(1)
    expect(results.causes.map(({ id }) => id)).toEqual(['known'])
    expect(storiesOf(results)[2]).toEqual(story())
    expect([...cellsOf(results)].map(({ host, feature, index }) => [host.id, feature.id, index])).toEqual([
      ['ws2019', 'trim', 0],
      ['ws2019', 'kvp', 1],
      ['ws2022', 'trim', 2],
      ['ws2022', 'kvp', 1],
    ])
  })

  it('are the same bytes whatever the order of executions', () => {
    const one = mixed()
    const other = run(
      (_, host, feature) => {
        const index = [...cellsOf(one)].find(
          (cell) => cell.host.id === host.id && cell.feature.id === feature.id,
        )?.index
        return storiesOf(one)[index ?? 0] ?? story()
      },
      { executions: [execution({ id: 'e1' }), execution({ id: 'e2' })] },
    )
    expect(resultsText(other)).toBe(resultsText(one))
  })

  it('count cells by outcome, evidence, verdict and cause', () => {
    const counts = countsOf(mixed())
    expect(counts).toMatchObject({ cells: 4, measured: 2, working: 2, unexplained: 0 })
    expect([...counts.outcomes]).toEqual([
      ['works', 2],
      ['not-run', 2],
    ])
    expect([...counts.causes]).toEqual([['known', 1]])
    expect([...counts.notRun]).toEqual([['no-probe', 2]])
    expect(countsOf(run(() => story({ verdict: 'differs' }))).unexplained).toBe(4)
    // What is partial by a field lacks something; what only its probe leaves out does not.
    expect(countsOf(run(() => story({ outcome: 'partial' }))).working).toBe(4)
    const lacking = { outcome: 'partial', decidedBy: { of: 'guest', field: 'vf' } } as const
    expect(countsOf(run(() => story(lacking))).working).toBe(0)
    expect(countsOf(run(() => story({ outcome: 'error' }))).measured).toBe(0)
  })
})

describe('a file of results', () => {
  it('gives back what was written', () => {
    const results = mixed()
    expect(parseResults(resultsText(results), 'r.json')).toEqual(results)
  })

  const broken: readonly (readonly [
    name: string,
    change: (results: MatrixResults) => unknown,
    path: string,
    value: unknown,
  ])[] = [
    ['another format', (r) => ({ ...r, format: 'vmbus-matrix/0' }), 'format', 'vmbus-matrix/0'],
    ['a misspelt name', (r) => ({ ...r, sead: 1 }), 'sead', 'sead'],
    ['no list of hosts', ({ hosts: _, ...r }) => r, 'hosts', undefined],
    [
      'an outcome of its own',
      (r) => ({ ...r, stories: [{ ...r.stories[0], outcome: 'ok' }] }),
      'stories.0.outcome',
      'ok',
    ],
    [
      'a feature of its own',
      (r) => ({ ...r, features: [{ id: 'teleport', name: 't', group: 'g', probes: [] }, r.features[1]] }),
      'features.0.id',
      'teleport',
    ],
    ['a row too few', (r) => ({ ...r, cells: [] }), 'cells', 0],
    ['a cell too few', (r) => ({ ...r, cells: [[0, 1, 2]] }), 'cells.0', 3],
    ['a story that is not there', (r) => ({ ...r, cells: [[0, 1, 2, 3]] }), 'cells.0.3', 3],
    ['a half index', (r) => ({ ...r, cells: [[0, 1.5, 2, 1]] }), 'cells.0.1', 1.5],
    ['a read that is not there', (r) => ({ ...r, reads: [r.reads[0]] }), 'stories.0.reads.1', 1],
    ['a page that is not there', (r) => ({ ...r, published: [] }), 'stories.0.published.0', 0],
    ['an execution that is not there', (r) => ({ ...r, executions: [] }), 'stories.0.execution', 'e1'],
    ['a cause that is not there', (r) => ({ ...r, causes: [] }), 'stories.0.cause', 'known'],
  ]
  it.each(broken)('with %s is refused with file, path and value', (_, change, path, value) => {
    const text = JSON.stringify(change(mixed()))
    let refused: unknown
    try {
      parseResults(text, 'r.json')
    } catch (error) {
      refused = error
    }
    expect(refused).toBeInstanceOf(ResultsError)
    expect(refused).toMatchObject({ code: 'VMBUS_RESULTS_INVALID', file: 'r.json', path, value })
    expect(String(refused)).toContain(`r.json: ${path} is ${JSON.stringify(value) ?? 'nothing'}, expected: `)
  })

  it('that is no JSON is refused', () => {
    expect(() => parseResults('{', 'r.json')).toThrow(
      /r\.json: character 1 of 1 is "the end of the file", expected: JSON/,
    )
  })
})

describe('a diff of two runs', () => {
  const was = run(() => story())

  it('names each cell that changed, and says which got worse', () => {
    const now = run((_, host, feature) =>
      feature.id === 'kvp' && host.id === 'ws2022' ? story({ outcome: 'fails', verdict: 'differs' }) : story(),
    )
    const changes = diffOf(was, now)
    expect(changes).toMatchObject([
      {
        release: 'rhel 7.9',
        host: 'ws2022',
        feature: 'kvp',
        before: { outcome: 'works' },
        after: { outcome: 'fails' },
      },
    ])
    expect(changes.map(isWorse)).toEqual([true])
    expect(diffOf(now, was).map(isWorse)).toEqual([false])
    expect(diffOf(was, was)).toEqual([])
  })

  it('has cells that only one of the runs has', () => {
    const narrow = run(() => story(), { hosts: [{ id: 'ws2022', name: 'Windows Server 2022' }] })
    const gone = diffOf(was, narrow)
    expect(gone.map(({ host, feature, after }) => [host, feature, after])).toEqual([
      ['ws2019', 'trim', undefined],
      ['ws2019', 'kvp', undefined],
    ])
    expect(gone.some(isWorse)).toBe(false)
    expect(diffOf(narrow, was).map(({ before }) => before)).toEqual([undefined, undefined])
  })

  it.each([
    ['works', 'partial', true],
    ['partial', 'works', false],
    ['not-offered', 'fails', true],
    ['works', 'error', true],
    ['works', 'not-run', false],
    ['not-run', 'fails', false],
  ] as const)('%s to %s is worse: %s', (before, after, expected) => {
    const [change] = diffOf(
      run(() => story({ outcome: before })),
      run(() => story({ outcome: after })),
    )
    expect(change && isWorse(change)).toBe(expected)
  })
})
