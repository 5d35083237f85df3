import { describe, expect, test } from 'vitest'
import { differencesOf } from '../page/model/differences.ts'
import { moved } from '../page/model/grid-keys.ts'
import { modelOf, type Model } from '../page/model/model.ts'
import { placeOf, proofs } from '../page/model/place.ts'
import { formatRoute, parseRoute } from '../page/model/route.ts'
import { sectionsOf } from '../page/model/rows.ts'
import { search } from '../page/model/search.ts'
import { firmPercent, surenessOf } from '../page/model/sure.ts'
import { cellSentence, pageValue, reasonOf, commandOf, verdictSentence } from '../page/model/words.ts'
import { cellMarkup } from '../page/view/cell.ts'
import { element, escaped } from '../page/view/markup.ts'
import { cellsWith, smallResults, Story } from './small-results.ts'

const TODAY = '2026-11-30'
const model = modelOf(smallResults(), TODAY)

function placeIn(of: Model, name: string) {
  const place = placeOf(of, name)
  if (place === undefined) throw new Error(`no ${name}`)
  return place
}

describe('rows of a host', () => {
  const sections = (of: Model, change: Partial<Parameters<typeof sectionsOf>[1]> = {}) =>
    sectionsOf(of, {
      host: placeIn(of, 'rhel-7.9/ws2022/trim').host,
      features: of.features,
      family: undefined,
      supportedOnly: false,
      differsOnly: false,
      each: false,
      ...change,
    }).map(({ title, rows }) => [title, rows.map(({ label, line }) => `${label} ${line}`.trim())])

  test('in support first, neighbours that look the same joined, never across a package', () => {
    expect(sections(model)).toEqual([
      ['In support, as far as known', ['Debian 12']],
      ['RHEL, out of support', ['7.8 – 7.10', '7.9 + LIS 4.3']],
    ])
  })

  test('one of them that looks otherwise stands alone', () => {
    const changed = modelOf(smallResults(cellsWith([1, 'ws2022', 'kvp', Story.lacks])), TODAY)
    expect(sections(changed, { family: 'rhel' })).toEqual([
      ['RHEL, out of support', ['7.10', '7.9', '7.8', '7.9 + LIS 4.3']],
    ])
  })

  test('another host, or a feature that is not shown, parts nothing', () => {
    const changed = modelOf(
      smallResults(cellsWith([1, 'ws2022', 'kvp', Story.lacks], [1, 'ws2008r2', 'trim', Story.lacks])),
      TODAY,
    )
    const features = changed.features.filter(({ id }) => id === 'trim')
    expect(sections(changed, { features, family: 'rhel' })[0]?.[1]).toEqual(['7.8 – 7.10', '7.9 + LIS 4.3'])
  })

  test('filters: in support, where the page says otherwise, each release alone', () => {
    const changed = modelOf(smallResults(cellsWith([0, 'ws2022', 'trim', Story.differs])), TODAY)
    expect(sections(changed, { supportedOnly: true })).toHaveLength(1)
    expect(sections(changed, { differsOnly: true })).toEqual([['RHEL, out of support', ['7.8']]])
    expect(sections(model, { each: true })[1]?.[1]).toEqual(['7.10', '7.9', '7.8', '7.9 + LIS 4.3'])
  })

  test('a major version ends a row', () => {
    const releases = ['8.0', '7.9'].map((version) => ({ ...smallResults().releases[0]!, key: `rhel ${version}` }))
    const two = modelOf(smallResults({ releases }), TODAY)
    expect(sections(two, { host: two.hosts[0]! })).toEqual([['RHEL, out of support', ['8.0', '7.9']]])
  })
})

describe('neighbours that prove', () => {
  const field = (value: string) =>
    ({ of: 'guest', field: 'trim', value, basis: 'source-read', source: 'tree' }) as const
  const vmbus = (value: string) => ({ of: 'host', field: 'vmbus', value, basis: 'source-read', source: 'h' }) as const
  const works = { outcome: 'works', evidence: 'real', verdict: 'agrees', reason: '', published: [] } as const
  const changed = modelOf(
    smallResults({
      reads: [field('yes'), field('no'), vmbus('5.3'), vmbus('1.1')],
      stories: [
        { ...works, reads: [0, 2] },
        { ...works, outcome: 'no-driver', reads: [1, 2], decidedBy: { of: 'guest', field: 'trim' } },
        { ...works, outcome: 'not-offered', reads: [0, 3], decidedBy: { of: 'host', field: 'vmbus' } },
        { ...works, outcome: 'not-run', evidence: 'documented', reads: [] },
      ],
      // Columns: each host with trim, core, kvp. RHEL 7.8 lacks TRIM, Windows Server 2008 R2 has not the bus for it.
      cells: [
        [2, 0, 0, 3, 0, 0, 1, 0, 0],
        [2, 0, 0, 3, 0, 0, 0, 0, 0],
        [2, 0, 0, 0, 0, 0, 0, 0, 0],
        [2, 0, 0, 0, 0, 0, 1, 0, 0],
        [2, 0, 0, 0, 0, 0, 1, 0, 0],
      ],
    }),
    TODAY,
  )
  const found = (name: string) =>
    proofs(changed, placeIn(changed, name)).map(({ of, release, host, here, there }) => [
      of === 'host' ? host.id : release.slug,
      here?.value,
      there?.value,
    ])

  test('are the nearest that come out otherwise, past those that nobody ran, with the field that decides', () => {
    expect(found('rhel-7.9/ws2022/trim')).toEqual([
      ['ws2008r2', '5.3', '1.1'],
      ['rhel-7.8', 'yes', 'no'],
    ])
    // RHEL 7.9 with LIS 4.3 lacks it as well, but has its drivers from elsewhere.
    expect(found('rhel-7.10/ws2022/trim')).toEqual([
      ['ws2008r2', '5.3', '1.1'],
      ['rhel-7.8', 'yes', 'no'],
    ])
    expect(found('rhel-7.8/ws2022/trim')).toEqual([['rhel-7.9', 'no', 'yes']])
  })

  test('are none where all are alike, or the cell itself was not run', () => {
    expect(found('rhel-7.9/ws2022/kvp')).toEqual([])
    expect(found('rhel-7.9/win10-1507/trim')).toEqual([])
  })
})

describe('routes', () => {
  test.each([
    '#guest/rhel-7.9?host=ws2022&cell=rhel-7.9/ws2022/trim',
    '#host/ws2022?family=rhel&group=Storage&sup=1&diff=1&all=1',
    '#differences?kind=our-bug&cause=wide',
    '#sure?theme=dark',
  ])('%s is read and written the same', (hash) => expect(formatRoute(parseRoute(hash))).toBe(hash))

  test('what is unknown or empty is left out', () => {
    expect(parseRoute('#nowhere/x?host=&evil=1')).toEqual({ view: 'guest', id: 'x', query: {} })
    expect(parseRoute('')).toEqual({ view: 'guest', id: '', query: {} })
    expect(parseRoute('#guest/%E0%A4%A')).toMatchObject({ id: '%E0%A4%A' })
  })
})

describe('search', () => {
  const hashes = (text: string) => search(model, text).map(({ hash }) => hash)

  test('a guest, exact before part', () => {
    expect(hashes('rhel 7.9')).toEqual(['#guest/rhel-7.9', '#guest/rhel-7.9-lis-4.3'])
    expect(hashes('redhat 7.10')).toEqual(['#guest/rhel-7.10'])
  })
  test('a host', () => expect(hashes('ws2022')).toEqual(['#host/ws2022']))
  test('a host by its year', () => expect(hashes('2022')).toEqual(['#host/ws2022']))
  test('a cell', () =>
    expect(hashes('debian ws2022 trim')).toEqual(['#guest/debian-12?host=ws2022&cell=debian-12/ws2022/trim']))
  test('nothing', () => {
    expect(hashes('solaris')).toEqual([])
    expect(hashes('  ')).toEqual([])
  })
})

describe('words', () => {
  test('a cell in a sentence', () => {
    expect(cellSentence(model, placeIn(model, 'rhel-7.9/ws2022/trim'))).toBe(
      'TRIM, RHEL 7.9 on Windows Server 2022: works. Evidence: simulated, sourced. Page says yes: agrees.',
    )
  })

  test('the newest value that names the host is what the page says', () => {
    const { published } = smallResults()
    expect(pageValue(published)).toBe('yes')
    expect(pageValue(published.slice(2))).toBeUndefined()
  })

  test('what came out beside what is published', () => {
    const place = placeIn(model, 'rhel-7.9/ws2022/trim')
    const story = model.storyAt(place)
    expect(verdictSentence(story, 'yes')).toBe('The page says yes, and so it is.')
    expect(verdictSentence({ ...story, verdict: 'differs' }, 'no')).toBe('The page says no. It works.')
    expect(verdictSentence({ ...story, verdict: 'differs', outcome: 'guest-hung' }, 'yes')).toBe(
      'The page says yes. The guest hangs.',
    )
    expect(verdictSentence({ ...story, verdict: 'not-covered' }, undefined)).toBe('No page covers this pair.')
  })

  test('why: the cause, else the reason, else what was seen', () => {
    const place = placeIn(model, 'rhel-7.9/ws2022/core')
    const [works, lacks, , , partial, differs] = model.stories
    expect(reasonOf(model, place, works!)).toBe(
      'Both sides have it: RHEL 7.9 asks, Windows Server 2022 offers, all 20 command sequences held and 4,096 bytes crossed the rings.',
    )
    expect(reasonOf(model, place, lacks!)).toBe('The driver never asks.')
    expect(reasonOf(model, place, partial!)).toMatch(/rings\. Not covered: the mouse\.$/)
    expect(reasonOf(model, place, differs!)).toBe('The column is wide. Older releases lack the code.')
  })

  test('the command that replays it', () => {
    expect(commandOf(model, placeIn(model, 'rhel-7.9-lis-4.3/ws2022/trim'))).toBe(
      'vmbus replay rhel-7.9-lis-4.3/ws2022/trim --seed 7',
    )
  })
})

describe('differences', () => {
  test('by cause, biggest first, and those without one', () => {
    const stories = [...smallResults().stories, { ...smallResults().stories[Story.differs]!, cause: 'unheard-of' }]
    const changed = modelOf(
      smallResults({
        stories,
        ...cellsWith(
          [0, 'ws2022', 'trim', Story.differs],
          [1, 'ws2022', 'trim', Story.differs],
          [4, 'ws2022', 'kvp', stories.length - 1],
        ),
      }),
      TODAY,
    )
    expect(
      differencesOf(changed).map(({ cause, places, releases, features }) => [
        cause?.id,
        places.length,
        releases.map(({ label }) => label),
        features.map(({ id }) => id),
      ]),
    ).toEqual([
      ['wide', 2, ['7.9', '7.8'], ['trim']],
      [undefined, 1, ['12'], ['kvp']],
    ])
    expect(changed.differing).toBe(3)
  })
})

describe('how sure', () => {
  test('grades by family and host, bracketed apart, reasons counted', () => {
    const changed = modelOf(
      smallResults(
        cellsWith(
          [4, 'ws2022', 'trim', Story.differs],
          [4, 'ws2022', 'kvp', Story.notRun],
          [4, 'ws2022', 'core', Story.documented],
          [4, 'ws2008r2', 'core', Story.error],
        ),
      ),
      TODAY,
    )
    const { all, families, reasons } = surenessOf(changed)
    expect(all.cells).toBe(45)
    const debian = families.get('debian')
    expect(debian).toEqual({
      cells: 9,
      differs: 1,
      grades: { real: 0, sourced: 5, bracketed: 1, inferred: 0, grid: 0, documented: 1, 'not-run': 2 },
    })
    // Five of six: the trees of a bracket may differ.
    expect(debian && firmPercent(debian)).toBe(83)
    expect(reasons).toEqual([
      ['an error of ours: a bug', 1],
      ['no device yet', 1],
    ])
  })
})

describe('markup', () => {
  test('a text stays one: it opens no element and closes no attribute', () => {
    expect(element('th', { title: '"> <b' }, escaped('A & <i>B</i>'))).toBe(
      '<th title="&quot;&gt; &lt;b">A &amp; &lt;i&gt;B&lt;/i&gt;</th>',
    )
  })

  test('a cell is named by what results say, whatever that is', () => {
    const features = smallResults().features.map((feature) => ({ ...feature, name: '<b>"x"' }))
    const changed = modelOf(smallResults({ features }), TODAY)
    expect(cellMarkup(changed)(placeIn(changed, 'rhel-7.9/ws2022/core'), '')).toContain(
      'aria-label="&lt;b&gt;&quot;x&quot;, RHEL 7.9 on',
    )
  })
})

describe('keys of a grid', () => {
  const size = { row: 10, column: 4 }
  test.each([
    ['ArrowRight', false, { row: 3, column: 2 }],
    ['ArrowUp', false, { row: 2, column: 1 }],
    ['Home', false, { row: 3, column: 0 }],
    ['End', false, { row: 3, column: 3 }],
    ['Home', true, { row: 0, column: 0 }],
    ['End', true, { row: 9, column: 3 }],
    ['PageDown', false, { row: 9, column: 1 }],
    ['PageUp', false, { row: 0, column: 1 }],
    ['a', false, undefined],
  ])('%s, with Ctrl: %s', (key, control, spot) =>
    expect(moved({ row: 3, column: 1 }, key, control, size)).toEqual(spot),
  )

  test('stop at the edges', () => {
    expect(moved({ row: 9, column: 3 }, 'ArrowDown', false, size)).toEqual({ row: 9, column: 3 })
    expect(moved({ row: 0, column: 0 }, 'ArrowLeft', false, size)).toEqual({ row: 0, column: 0 })
  })
})
