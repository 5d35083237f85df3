import { describe, expect, it } from 'vitest'
import { hostProfile } from '@vmbus/host'
import { combine } from '../../src/cells/combine.ts'
import { evidenceOf } from '../../src/cells/evidence.ts'
import { fieldText } from '../../src/cells/fields.ts'
import { sharedReads } from '../../src/cells/shared-reads.ts'
import { storyOf, storyTeller } from '../../src/cells/story.ts'
import { NOT_RUN_TEXT } from '../../src/cells/not-run.ts'
import { NOT_RUN, type Outcome } from '@vmbus/report'
import { cell, page, part, read, rowOf, support } from './stories.ts'

describe('the probes of one feature together', () => {
  const outcomes: readonly (readonly [parts: readonly Outcome[], expected: Outcome])[] = [
    [['works'], 'works'],
    [['works', 'works'], 'works'],
    [['works', 'fails'], 'partial'],
    [['works', 'not-offered'], 'partial'],
    [['no-driver', 'works'], 'partial'],
    [['fails', 'no-driver'], 'fails'],
    [['not-offered', 'no-driver'], 'no-driver'],
    [['not-offered', 'not-offered'], 'not-offered'],
    [['works', 'not-applicable'], 'works'],
    [['fails', 'not-applicable'], 'fails'],
    [['not-applicable', 'not-applicable'], 'not-applicable'],
    [['works', 'partial'], 'partial'],
    [['works', 'error'], 'error'],
    [['fails', 'error'], 'error'],
    [['works', 'guest-hung'], 'guest-hung'],
    [['guest-hung', 'guest-corrupt'], 'guest-corrupt'],
    [['guest-corrupt', 'error'], 'error'],
  ]
  it.each(outcomes)('%j are %s', (each, expected) => {
    const combined = combine(each.map((outcome, i) => part({ outcome, probe: `p${i}`, id: `e${i}` })))
    expect(combined.outcome).toBe(expected)
    expect(combined.isCoverage).toBe(false)
  })

  it('name which part is lacking', () => {
    const trunk = part({ outcome: 'fails', reason: 'no tags arrive', probe: 'vlan-trunk', id: 'e2' })
    expect(combine([part({ probe: 'vlan-access' }), trunk])).toMatchObject({
      outcome: 'partial',
      reason: 'vlan-trunk: no tags arrive',
      part: trunk,
    })
  })

  it('are partial at best when one leaves something out or did not run, and say what', () => {
    const core = part({}, { probe: { id: 'core', missing: 'the mouse' } })
    const unrun = part(undefined, { probe: { id: 'more-processors' }, notRun: { why: 'not-finished' } })
    expect(combine([core])).toMatchObject({ outcome: 'partial', isCoverage: true, reason: 'not measured: the mouse' })
    expect(combine([part({}), unrun])).toMatchObject({
      outcome: 'partial',
      isCoverage: true,
      reason: 'not measured: more-processors',
    })
    expect(combine([core, part({ outcome: 'fails', reason: 'none', probe: 'p2' })])).toMatchObject({
      outcome: 'partial',
      isCoverage: false,
    })
  })

  it('are partial when one of them has nothing to measure with, beside others that work', () => {
    const own = part({ outcome: 'not-run', reason: 'nothing stands for its tools', probe: 'p2', id: 'e2' })
    expect(combine([part({}), own])).toMatchObject({ outcome: 'partial', isCoverage: true, reason: 'not measured: p2' })
  })

  it('that are partial by a field lack something, whatever they leave out', () => {
    const decidedBy = { of: 'guest', field: 'vf' } as const
    const one = part(
      { outcome: 'partial', reason: 'messages alone', decidedBy },
      { probe: { id: 'p', missing: 'the VF' } },
    )
    expect(combine([one])).toMatchObject({ outcome: 'partial', isCoverage: false, reason: 'messages alone' })
  })
})

describe('evidence', () => {
  it.each([
    [[], 'simulated-sourced'],
    [['real'], 'simulated-sourced'],
    [['real', 'source-read'], 'simulated-sourced'],
    // The two trees of a bracket may differ, and the value may be of either side.
    [['source-read', 'bracketed'], 'simulated-inferred'],
    [['bracketed', 'grid'], 'simulated-grid'],
    [['source-read', 'inferred', 'real'], 'simulated-inferred'],
    [['grid', 'real', 'inferred'], 'simulated-grid'],
  ] as const)('of %j is %s', (bases, expected) => {
    expect(evidenceOf(bases.map((basis) => read('f', basis)))).toBe(expected)
  })
})

describe('what a probe read', () => {
  it('are the declared fields of guest and host, each with its source', () => {
    const host = hostProfile('ws2012')
    if (host === undefined) throw new Error('no such host')
    const guest = {
      family: 'linux',
      fields: {
        storvsc: { value: [0x602, 0x600, 0x501], basis: 'bracketed', source: 's', bracket: ['7.3', '7.7'] },
        vpd: { value: true, basis: 'source-read', source: 't' },
      },
    } as const
    const probe = {
      reads: { linux: ['storvsc', 'vpd'], freebsd: ['unmap'], windows: [], host: ['storvsc'] },
    } as const
    const readsOf = sharedReads(new Map([['ws2012', { ...host.fields }]]))
    expect(readsOf(guest, 'ws2012', probe, undefined)).toEqual([
      { of: 'guest', field: 'storvsc', value: '6.2 6.0 5.1', basis: 'bracketed', source: 's', bracket: ['7.3', '7.7'] },
      { of: 'guest', field: 'vpd', value: 'yes', basis: 'source-read', source: 't' },
      // 2.0, 4.2 and 5.1 (docs/wire 05): Windows Server 2012 is the first with 5.1.
      expect.objectContaining({ of: 'host', field: 'storvsc', value: '2.0 4.2 5.1' }),
    ])
  })

  it('are one list where they are equal, and another with the field that decided', () => {
    const field = (value: number) => ({ value, basis: 'source-read', source: 's' }) as const
    const guest = (vpd: number) =>
      ({ family: 'linux', fields: { vpd: field(vpd), trim: field(1) } }) satisfies Parameters<typeof readsOf>[0]
    const probe = { reads: { linux: ['vpd'], freebsd: [], windows: [], host: ['vmbus'] } } as const
    const readsOf = sharedReads(
      new Map([
        ['a', { vmbus: field(1), more: field(2) }],
        ['b', { vmbus: field(1) }],
        ['c', { vmbus: field(3) }],
      ]),
    )
    const of = (vpd: number, host: string, decidedBy?: { of: 'guest' | 'host'; field: string }) =>
      readsOf(guest(vpd), host, { ...probe }, decidedBy)
    const first = of(1, 'a')
    expect(first.map(({ of: end, field: name, value }) => [end, name, value])).toEqual([
      ['guest', 'vpd', '1'],
      ['host', 'vmbus', '1'],
    ])
    expect(of(1, 'b')).toBe(first)
    expect(of(2, 'a')).not.toBe(first)
    expect(of(1, 'c')).not.toBe(first)
    expect(of(1, 'a', { of: 'guest', field: 'trim' }).map(({ field: name }) => name)).toEqual(['vpd', 'trim', 'vmbus'])
    expect(of(1, 'a', { of: 'host', field: 'more' }).map(({ field: name }) => name)).toEqual(['vpd', 'vmbus', 'more'])
    expect(of(1, 'a', { of: 'host', field: 'vmbus' })).toBe(first)
  })

  it.each([
    ['vmbus', [0x5_0003, 0xd], '5.3 0.13'],
    ['netvsc', [0x6_0001, 0x5_0000, 2], '6.1 5 1'],
    ['balloon', [0x2_0000, 3], '2.0 0.3'],
    ['kvp', { framework: [0x3_0000], message: [0x4_0000, 0x3_0000] }, 'framework 3.0, message 4.0 3.0'],
    ['kvp', undefined, 'none'],
    ['fcopy', [], 'none'],
    ['vf', 'transparent', 'transparent'],
    ['build', [10, 0, 20348], '10 0 20348'],
    ['hotAdd', false, 'no'],
    ['maxVps', { 1: 64, 2: 240 }, '1 64, 2 240'],
  ] as const)('%s %j reads %s', (field, value, text) => {
    expect(fieldText(field, value)).toBe(text)
  })
})

describe('stories of many cells', () => {
  it('are one object where parts are the same and no page speaks of them, and what each is alone', () => {
    const tell = storyTeller([])
    const [parts, equal] = [[part({})], [part({})]]
    const silent = cell({ support: undefined, parts })
    expect(tell(silent)).toBe(tell({ ...silent, host: 'ws2016' }))
    expect(tell(silent)).toEqual(storyOf(silent, []))
    expect(tell({ ...silent, parts: equal })).not.toBe(tell(silent))
    for (const each of [cell({ support: support(page('yes')), parts }), cell({ support: support(page('no')), parts })])
      expect(tell(each)).toEqual(storyOf(each, []))
    // What did not run is told by the release.
    const unrun = {
      support: undefined,
      feature: 'pae-kernel',
      parts: [part({ outcome: 'not-run', reason: 'r' })],
    } as const
    for (const key of ['rhel 7.9', 'debian 12']) {
      const each = cell({ ...unrun, release: rowOf(key) })
      expect(tell(each)).toEqual(storyOf(each, []))
    }
    expect(tell(cell({ ...unrun, release: rowOf('rhel 7.9') }))).not.toEqual(
      tell(cell({ ...unrun, release: rowOf('debian 12') })),
    )
  })
})

describe('a story', () => {
  it('names the deciding field first', () => {
    const reads = [read('vmbus'), read('vpd', 'inferred')]
    const ran = {
      outcome: 'no-driver',
      reason: 'asks for no VPD page',
      decidedBy: { of: 'guest', field: 'vpd' },
    } as const
    const story = storyOf(cell({ support: undefined, parts: [part(ran, { reads })] }), [])
    expect(story).toEqual({
      outcome: 'no-driver',
      evidence: 'simulated-inferred',
      verdict: 'not-covered',
      reason: 'asks for no VPD page',
      execution: 'e1',
      reads: [read('vpd', 'inferred'), read('vmbus')],
      decidedBy: { of: 'guest', field: 'vpd' },
      published: [],
    })
  })

  it('of a release without drivers says so, and of what needs none that nobody looked', () => {
    const driverless = { release: rowOf('rhel 5.2'), support: undefined, parts: [] }
    expect(storyOf(cell(driverless), [])).toMatchObject({
      outcome: 'no-driver',
      evidence: 'documented',
      reason: 'the kernel has no Hyper-V drivers before 5.9: only LIS brings them',
    })
    expect(storyOf(cell({ ...driverless, feature: 'gen2-uefi' }), [])).toMatchObject({
      outcome: 'not-run',
      notRun: 'no-device',
    })
  })

  it('of a release without a 32-bit x86 kernel says that PAE does not apply, and what says so', () => {
    const pae = (key: string) =>
      storyOf(cell({ release: rowOf(key), support: undefined, parts: [], feature: 'pae-kernel' }), [])
    expect(pae('rhel 7.9')).toMatchObject({
      outcome: 'not-applicable',
      evidence: 'documented',
      reason: expect.stringContaining('access.redhat.com/solutions/509373') as string,
    })
    expect(pae('sles 11 sp4')).toMatchObject({ outcome: 'not-run', notRun: 'no-high-memory' })
  })

  it.each([
    ['gen2-uefi', 'no-device'],
    ['secure-boot', 'no-device'],
    ['video', 'no-device'],
    ['hyperv-sockets', 'no-device'],
    ['pci-passthrough', 'no-device'],
    ['nmi', 'no-device'],
    ['mmio-gap', 'no-device'],
    ['trim', 'no-probe'],
  ] as const)('of %s without any probe is not run: %s', (feature, notRun) => {
    expect(storyOf(cell({ feature, parts: [] }), [])).toMatchObject({
      outcome: 'not-run',
      evidence: 'documented',
      verdict: 'not-measured',
      notRun,
      reason: NOT_RUN_TEXT[notRun],
    })
  })

  it('of a guest that nothing simulates gives the reason', () => {
    const parts = [part(undefined, { notRun: { why: 'no-guest', detail: 'no tree of this release was read' } })]
    expect(storyOf(cell({ parts }), [])).toMatchObject({
      outcome: 'not-run',
      notRun: 'no-guest',
      reason: 'no tree of this release was read',
    })
  })

  it('of a probe that has nothing to measure with keeps what it says', () => {
    const reason = 'what CAM does when a capacity changes is known of no release'
    expect(storyOf(cell({ parts: [part({ outcome: 'not-run', reason })] }), [])).toMatchObject({
      outcome: 'not-run',
      evidence: 'documented',
      verdict: 'not-measured',
      notRun: 'no-probe',
      reason,
    })
    const unfinished = part(undefined, { notRun: { why: 'not-finished' } })
    expect(storyOf(cell({ parts: [unfinished, part({ outcome: 'not-run', reason })] }), [])).toMatchObject({
      notRun: 'no-probe',
      reason,
    })
  })

  it('has a sentence for every reason of the list', () => {
    for (const why of NOT_RUN) expect(NOT_RUN_TEXT[why]).toMatch(/^\w.{20,}$/)
  })

  it('joins a cause only where it differs, the first that explains it', () => {
    const cause = (id: string, explains: boolean) => ({
      id,
      text: 'One. Two.',
      source: 'a tree',
      kind: 'finding' as const,
      explains: () => explains,
    })
    const causes = [cause('other', false), cause('first', true), cause('second', true)]
    expect(storyOf(cell({ support: support(page('no')) }), causes)).toMatchObject({
      verdict: 'differs',
      cause: 'first',
    })
    expect(storyOf(cell(), causes)).not.toHaveProperty('cause')
    expect(storyOf(cell({ support: support(page('no')) }), [])).not.toHaveProperty('cause')
  })
})
