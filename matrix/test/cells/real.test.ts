import type { Execution } from '@vmbus/report'
import { describe, expect, it } from 'vitest'
import type { Part } from '../../src/cells/combine.ts'
import { isDisagreement, withReal } from '../../src/cells/real.ts'
import { storyOf } from '../../src/cells/story.ts'
import { kvpProbe } from '../../src/probes/kvp.ts'
import { coreProbe } from '../../src/probes/core.ts'
import { rowOf } from './stories.ts'

const KERNEL = 'debian-12/686 linux-image-6.1.0-50-686_6.1.176-1_i386.deb'
const ran = (given: Partial<Execution>): Execution => ({
  id: 's',
  probe: 'kvp',
  outcome: 'works',
  reason: '',
  seed: 1,
  runs: 20,
  bytes: 100,
  transcript: '',
  ...given,
})
const simulated = (given: Partial<Execution> = {}): Part => ({
  probe: { id: 'kvp' },
  reads: [{ of: 'guest', field: 'kvp', value: '4.0', basis: 'inferred', source: 'as Linux 6.1' }],
  execution: ran(given),
})
const real = (given: Partial<Execution> = {}): Execution => ran({ id: 'r', kernel: KERNEL, runs: 2, ...given })
const story = (part: Part) =>
  storyOf({ release: rowOf('debian 12'), host: 'ws2022', feature: 'kvp', support: undefined, parts: [part] }, [])

describe('a probe that a real kernel played as well', () => {
  it('has the evidence of the real kernel, whatever its values are known by', () => {
    expect(story(simulated())).toMatchObject({ outcome: 'works', evidence: 'simulated-inferred', execution: 's' })
    const both = withReal(simulated(), real(), kvpProbe)
    expect(story(both)).toMatchObject({ outcome: 'works', evidence: 'real', execution: 'r', reason: '' })
  })

  it('is an error of ours where the two come to another outcome, with both told', () => {
    const failed = real({ outcome: 'fails', reason: 'the guest does not keep what the host set' })
    const found = story(withReal(simulated(), failed, kvpProbe))
    expect(found).toMatchObject({
      outcome: 'error',
      reason:
        'the simulated guest and the real kernel disagree: simulated works, real fails (the guest does not keep what the host set)',
    })
    expect(isDisagreement(found)).toBe(true)
    expect(isDisagreement({ outcome: 'error', reason: 'works without a byte on the rings of kvp' })).toBe(false)
  })

  it('stays as it was simulated where the real kernel cannot play it, or has not', () => {
    const cannot = real({ outcome: 'not-run', notReal: 'one-processor', reason: 'one processor', runs: 0 })
    for (const nothing of [cannot, undefined]) expect(withReal(simulated(), nothing, kvpProbe)).toEqual(simulated())
  })

  it('tells what the real kernel leaves out beside what the probe does', () => {
    const part = withReal(simulated({ outcome: 'partial' }), real({ outcome: 'partial' }), coreProbe)
    expect(story(part).reason).toBe('not measured: the mouse, which has no device here yet; a second processor')
  })
})
