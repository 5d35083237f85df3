import { describe, expect, it } from 'vitest'
import { CAUSES } from '../../src/cells/causes/index.ts'
import { storyOf } from '../../src/cells/story.ts'
import type { Cell } from '../../src/cells/story.ts'
import type { Execution, ReadField } from '@vmbus/report'
import { cell, page, part, read, rowOf, support } from './stories.ts'

const WORKS = { outcome: 'works' } as const
const lacks = (field: string): Partial<Execution> => ({
  outcome: 'no-driver',
  reason: 'none',
  decidedBy: { of: 'guest', field },
})

function causeIn(
  key: string,
  host: string,
  feature: Cell['feature'],
  published: 'yes' | 'no',
  ran: Partial<Execution>,
  reads = [read('x')],
): string | undefined {
  const parts = [part(ran, { reads })]
  return storyOf(cell({ release: rowOf(key), host, feature, support: support(page(published)), parts }), CAUSES).cause
}

describe('the list of causes', () => {
  it('has two sentences and a source for each, and no id twice', () => {
    const sentences = CAUSES.map(({ id, text }) => [id, text.match(/\.(?: [A-Z]|$)/g)?.length])
    expect(sentences.filter(([, count]) => count !== 2)).toEqual([])
    expect(CAUSES.filter(({ source }) => /^$|^grid|windowsserverdocs/.test(source)).map(({ id }) => id)).toEqual([])
    expect(new Set(CAUSES.map(({ id }) => id)).size).toBe(CAUSES.length)
  })

  it.each([
    ['rhel 7.7', 'ws2008r2', 'dm-ballooning', 'no', WORKS, 'balloon-on-2008r2'],
    ['rhel 7.7', 'ws2012', 'virtual-fc', 'no', WORKS, 'fibre-channel-on-2012'],
    ['rhel 7.7', 'ws2012', 'trim', 'no', WORKS, 'unmap-on-2012'],
    ['rhel 7.7', 'ws2012', 'scsi-wwn', 'no', WORKS, 'port-names-on-2012'],
    ['rhel 7.7', 'ws2008r2', 'dm-hot-add', 'no', WORKS, 'hot-add-on-2008r2'],
    ['centos 7.1', 'ws2022', 'vhdx-resize', 'no', WORKS, 'rhel70-capacity'],
    ['oracle 6.6', 'ws2016', 'file-copy', 'no', WORKS, 'oracle-rhck-file-copy'],
    ['oracle 7.6', 'ws2016', 'time-accuracy', 'no', WORKS, 'oracle-rhck-time'],
    ['freebsd 10.3', 'ws2016', 'vhdx-resize', 'no', WORKS, 'freebsd-resize'],
    ['rhel 7.9', 'ws2022', 'runtime-memory-resize', 'no', WORKS, 'rhel7-memory-2.0'],
    ['rhel 6.10', 'ws2022', 'runtime-memory-resize', 'no', WORKS, 'rhel610-backports'],
    ['rhel 5.9 + lis 4.3', 'ws2022', 'vrss', 'no', WORKS, 'lis-rhel5-subchannels'],
    ['rhel 5.9 + lis 4.3', 'ws2022', 'lsvmbus', 'no', WORKS, 'lis-rhel5-lsvmbus'],
    ['rhel 6.5 + lis 4.3', 'ws2022', 'time-accuracy', 'no', WORKS, 'lis-rhel6-newer'],
    ['debian 8', 'ws2016', 'vrss', 'no', WORKS, 'debian8-kernel'],
    ['freebsd 10.4', 'ws2016', 'trim', 'no', WORKS, 'freebsd104-more'],
    ['oracle 6.4', 'ws2016', 'core', 'no', WORKS, 'oracle-core-blank'],
    ['rhel 8.6', 'ws2016', 'vcpu-256', 'yes', { outcome: 'not-offered', reason: 'none' }, 'processors-of-old-hosts'],
    ['rhel 7.9', 'ws2019', 'vcpu-256', 'yes', { outcome: 'not-offered', reason: 'none' }, 'processors-of-old-hosts'],
    [
      'freebsd 10.1',
      'ws2008r2',
      'kvp',
      'yes',
      { outcome: 'fails', reason: 'none' },
      'freebsd-index-rule',
      [read('kvp')],
    ],
    ['rhel 6.4', 'ws2016', 'live-backup', 'yes', lacks('vss'), 'rhel64-backup'],
    ['ubuntu 14.04', 'ws2016', 'trim', 'yes', lacks('vpd'), 'ubuntu1404-unread', [read('vpd', 'inferred')]],
    ['freebsd 11.0', 'ws2022', 'trim', 'yes', lacks('unmap'), 'freebsd110-shift'],
  ] as const)(
    '%s on %s, %s, the page says %s: %o',
    (key, host, feature, published, ran, expected, reads?: readonly ReadField[]) => {
      expect(causeIn(key, host, feature, published, ran, reads && [...reads])).toBe(expected)
    },
  )

  it('explains what rests on a value that nobody read by that alone', () => {
    const reads = [read('vpLimit', 'bracketed'), read('vmbus')]
    expect(causeIn('rhel 7.6', 'ws2022', 'vcpu-256', 'yes', lacks('vpLimit'), reads)).toBe('inside-bracket')
    const weak = [read('vpLimit', 'inferred'), read('vmbus')]
    expect(causeIn('rhel 7.6', 'ws2022', 'vcpu-256', 'yes', lacks('vpLimit'), weak)).toBe('guest-inferred')
    expect(causeIn('rhel 7.6', 'ws2022', 'vcpu-256', 'yes', lacks('vmbus'), weak)).toBeUndefined()
    const host = [read('maxVps', 'inferred', 'host')]
    expect(causeIn('rhel 7.6', 'ws2022', 'vcpu-256', 'no', WORKS, host)).toBeUndefined()
  })

  it.each(['guest-hung', 'guest-corrupt', 'error', 'not-run'] as const)(
    'explains by no cause what is a defect of a run or none at all: %s',
    (outcome) => {
      const ran = { outcome, reason: 'it broke' }
      expect(causeIn('rhel 6.4', 'ws2016', 'live-backup', 'yes', ran)).toBeUndefined()
      expect(causeIn('sles 11 sp4', 'ws2016', 'trim', 'yes', ran)).toBeUndefined()
      expect(causeIn('rhel 7.6', 'ws2022', 'jumbo-frames', 'yes', ran, [read('x', 'bracketed')])).toBeUndefined()
      expect(causeIn('rhel 7.6', 'ws2022', 'jumbo-frames', 'yes', ran, [read('x', 'inferred')])).toBeUndefined()
      expect(causeIn('rhel 7.6', 'ws2022', 'jumbo-frames', 'no', ran, [read('x', 'inferred', 'host')])).toBeUndefined()
    },
  )

  it('blames a tree that was not read only where the deciding value is concluded', () => {
    const cause = (basis?: 'inferred'): string | undefined =>
      causeIn('ubuntu 14.04', 'ws2016', 'trim', 'yes', lacks('vpd'), [read('vpd', basis), read('vmbus', 'inferred')])
    expect([cause('inferred'), cause()]).toEqual(['ubuntu1404-unread', undefined])
    expect(causeIn('sles 12 sp2', 'ws2016', 'sr-iov', 'yes', lacks('vf'), [read('vf', 'bracketed')])).toBe(
      'inside-bracket',
    )
  })

  it('leaves what no rule knows unexplained', () => {
    expect(causeIn('rhel 9.4', 'ws2022', 'jumbo-frames', 'no', WORKS)).toBeUndefined()
    expect(causeIn('freebsd 10.0', 'ws2008r2', 'kvp', 'yes', lacks('kvp'))).toBeUndefined()
    expect(causeIn('rhel 7.7', 'ws2022', 'dm-ballooning', 'no', WORKS)).toBeUndefined()
    expect(causeIn('rhel 7.7', 'ws2008r2', 'dm-ballooning', 'yes', lacks('balloon'))).toBeUndefined()
  })
})
