import { support as published } from '@vmbus/catalog'
import { describe, expect, it } from 'vitest'
import { marksOf, verdictOf, type Mark } from '../../src/cells/verdict.ts'
import { storyOf } from '../../src/cells/story.ts'
import { type Outcome, OUTCOMES } from '@vmbus/report'
import { cell, page, part, read, rowOf, support } from './stories.ts'

const sourced = { evidence: 'simulated-sourced', isCoverage: false } as const

/** What each outcome is beside a mark, typed from the rule: works ≡ yes; fails, not-offered, no-driver, not-applicable ≡ no. */
const EXPECTED: Readonly<Record<'yes' | 'no' | 'n/a', Readonly<Record<Outcome, string>>>> = {
  yes: {
    works: 'agrees',
    partial: 'differs',
    fails: 'differs',
    'not-offered': 'differs',
    'no-driver': 'differs',
    'not-applicable': 'differs',
    'not-run': 'not-measured',
    'guest-hung': 'differs',
    'guest-corrupt': 'differs',
    error: 'not-measured',
  },
  no: {
    works: 'differs',
    partial: 'differs',
    fails: 'agrees',
    'not-offered': 'agrees',
    'no-driver': 'agrees',
    'not-applicable': 'agrees',
    'not-run': 'not-measured',
    'guest-hung': 'differs',
    'guest-corrupt': 'differs',
    error: 'not-measured',
  },
  'n/a': {
    works: 'differs',
    partial: 'differs',
    fails: 'differs',
    'not-offered': 'differs',
    'no-driver': 'differs',
    'not-applicable': 'agrees',
    'not-run': 'not-measured',
    'guest-hung': 'differs',
    'guest-corrupt': 'differs',
    error: 'not-measured',
  },
}

describe('the verdict of an outcome beside a mark', () => {
  for (const mark of ['yes', 'no', 'n/a'] as const)
    it.each(OUTCOMES.map((outcome) => [outcome, EXPECTED[mark][outcome]] as const))(
      `${mark}: %s %s`,
      (outcome, expected) => {
        expect(verdictOf({ outcome, ...sourced }, [mark])).toBe(expected)
      },
    )

  it('what only the page says is not independent of it, whatever was found', () => {
    for (const marks of [['yes'], ['no'], [], ['yes', 'no']] as readonly (readonly Mark[])[])
      expect(verdictOf({ outcome: 'works', evidence: 'simulated-grid', isCoverage: false }, marks)).toBe(
        'not-independent',
      )
  })

  it('a cell that no page speaks of is not covered, even when nothing ran', () => {
    expect(verdictOf({ outcome: 'works', ...sourced }, [])).toBe('not-covered')
    expect(verdictOf({ outcome: 'not-run', evidence: 'documented', isCoverage: false }, [])).toBe('not-covered')
  })

  it('pages that disagree are a conflict, even when nothing ran', () => {
    expect(verdictOf({ outcome: 'works', ...sourced }, ['yes', 'no'])).toBe('grid-conflict')
    expect(verdictOf({ outcome: 'not-run', evidence: 'documented', isCoverage: false }, ['no', 'no', 'yes'])).toBe(
      'grid-conflict',
    )
    expect(verdictOf({ outcome: 'works', ...sourced }, ['yes', 'yes'])).toBe('agrees')
  })

  it('a part that no probe covers differs from no yes and agrees with no partial, but differs from a no', () => {
    const partial = { outcome: 'partial', evidence: 'simulated-sourced', isCoverage: true } as const
    expect(verdictOf(partial, ['yes'])).toBe('not-measured')
    expect(verdictOf(partial, ['partial'])).toBe('not-measured')
    expect(verdictOf(partial, ['no'])).toBe('differs')
    // What lacks a part is another thing than what was not looked at.
    expect(verdictOf({ ...partial, isCoverage: false }, ['partial'])).toBe('agrees')
  })
})

describe('marks', () => {
  it('of pages that do not speak of the host are none', () => {
    expect(marksOf(support(page('not-listed'), page('yes'), page('not-listed')), rowOf('rhel 7.9'))).toEqual(['yes'])
    expect(marksOf(undefined, rowOf('rhel 7.9'))).toEqual([])
  })

  it('limited to part of a column are a yes there and a no elsewhere', () => {
    // "6.x only" in the column of LIS 4.2 on 6.4 to 6.8 and 7.0 to 7.3.
    const key = (release: string) => `oracle ${release} rhck + lis 4.2`
    const marks = (release: string) => marksOf(published(key(release), 'ws2016', 'pae-kernel'), rowOf(key(release)))
    expect(marks('6.4')).toEqual(['yes'])
    expect(marks('7.0')).toEqual(['no'])
  })

  // rhel 7.5 stands in a column of its own in 2023 (yes) and in 7.5-7.7 in 2019 (no).
  it.each([
    ['rhel 7.9', 'ws2012r2', 'trim', ['yes']],
    ['rhel 7.7', 'ws2016', 'time-accuracy', ['yes', 'yes', 'no']],
    ['rhel 7.7', 'ws2012', 'trim', ['no']],
    ['freebsd 12.1', 'ws2019', 'sr-iov', ['yes', 'yes', 'no']],
    ['rhel 8.6', 'win10-1809', 'trim', []],
    ['ubuntu 24.04', 'ws2022', 'trim', []],
  ] as const)('%s on %s, %s: %j', (release, host, feature, expected) => {
    expect(marksOf(published(release, host, feature), rowOf(release))).toEqual(expected)
  })
})

describe('the verdict of a whole cell', () => {
  it('rests on the weakest field that was read', () => {
    const reads = [read('vmbus', 'real'), read('maxVps', 'grid', 'host')]
    expect(storyOf(cell({ parts: [part({}, { reads })] }), []).verdict).toBe('not-independent')
  })

  it('keeps what every page says, those that do not list the host as well', () => {
    const story = storyOf(
      cell({
        support: support(page('not-listed'), page('yes', { date: '2023-09-27', notes: [{ number: 4, text: 'n' }] })),
      }),
      [],
    )
    expect(story.verdict).toBe('agrees')
    expect(story.published).toEqual([
      { value: 'not-listed', date: '2025-06-19', page: 'Supported.md', column: '7.6-7.9', notes: [] },
      { value: 'yes', date: '2023-09-27', page: 'Supported.md', column: '7.6-7.9', notes: ['n'] },
    ])
  })
})
