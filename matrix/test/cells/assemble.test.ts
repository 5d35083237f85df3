import type { Feature } from '@vmbus/catalog'
import { hostProfile, type HostProfile } from '@vmbus/host'
import { describe, expect, it } from 'vitest'
import { assemble } from '../../src/cells/assemble.ts'
import { resultHost } from '../../src/cells/host-facts.ts'
import type { Execution, Story } from '@vmbus/report'
import { storiesOf } from '../../src/results/read.ts'
import { OURS } from '../../src/registry/registry.ts'
import { fakeRunner } from '../commands/fake-runner.ts'
import { execution, rowOf } from './stories.ts'

const TRIM: Feature = { id: 'trim', name: 'TRIM support', group: 'storage' }

function host(id: string): HostProfile {
  const profile = hostProfile(id)
  if (profile === undefined) throw new Error(`no host ${id}`)
  return profile
}

/** The one cell of TRIM, whose probe declares the guest's vpd alone, on RHEL 7.9, which knows it of a tree. */
function storyOn(id: string, ran: Partial<Execution>): Story {
  const fake = fakeRunner()
  const runner = { ...fake, registry: { ...fake.registry, hostFields: OURS.hostFields } }
  const plan = { seed: 1, runs: 20, tasks: [], checks: [], realOf: () => undefined, of: () => ({ id: 'e1' }) }
  const selection = { releases: [rowOf('rhel 7.9')], hosts: [host(id)], features: [TRIM] }
  const [story] = storiesOf(assemble(selection, runner, plan, new Map([['e1', execution(ran)]])))
  if (story === undefined) throw new Error('no story')
  return story
}

describe('a field that decided and that the probe does not declare', () => {
  it('of the host counts as read: what only the page tells proves nothing about it', () => {
    // packages/host/src/features.ts: SR-IOV of Linux begins with 2016 by the grid alone.
    const story = storyOn('ws2008r2', {
      outcome: 'not-offered',
      reason: 'the host has none',
      decidedBy: { of: 'host', field: 'sr-iov' },
    })
    expect(story).toMatchObject({
      outcome: 'not-offered',
      evidence: 'simulated-grid',
      verdict: 'not-independent',
      reads: [
        { of: 'host', field: 'sr-iov', value: 'no', basis: 'grid' },
        { of: 'guest', field: 'vpd', value: 'yes', basis: 'source-read' },
      ],
    })
  })

  it('of the guest counts as read', () => {
    const decidedBy = { of: 'guest', field: 'kvp' } as const
    expect(storyOn('ws2022', { outcome: 'no-driver', reason: 'none', decidedBy }).reads).toMatchObject([
      { of: 'guest', field: 'kvp', value: 'framework 3.0, message 4.0' },
      { of: 'guest', field: 'vpd' },
    ])
  })

  it('is read once where the probe declares it, and not at all where nothing is known of it', () => {
    const vpd = storyOn('ws2022', { outcome: 'fails', reason: 'no', decidedBy: { of: 'guest', field: 'vpd' } })
    expect(vpd.reads.map(({ field }) => field)).toEqual(['vpd'])
    const unknown = storyOn('ws2022', { outcome: 'fails', reason: 'no', decidedBy: { of: 'guest', field: 'tape' } })
    expect(unknown.reads.map(({ field }) => field)).toEqual(['vpd'])
  })

  it('is not read of an execution that nothing decided', () => {
    expect(storyOn('ws2022', {}).reads.map(({ field }) => field)).toEqual(['vpd'])
  })
})

it('tells of a host its builds, protocols and end of support, each with its source', () => {
  const { facts, sources, supportEnds } = resultHost(host('ws2022'))
  // Linux include/linux/hyperv.h: VERSION_WIN10_V5_3; hyperv_net.h: NVSP 6.1; storvsc_drv.c: VMSTOR_PROTO_VERSION_WIN10.
  expect(facts).toEqual([
    'build 10.0.20348 / 22000',
    'VMBus 5.3',
    'NVSP 6.1',
    'storvsc 6.2',
    'dynamic memory 2.0',
    'generation 1 and 2',
    'configuration version 10.0',
  ])
  expect(supportEnds).toBe('2031-10-14')
  expect(sources).toHaveLength(8)
  expect(sources?.[1]).toMatch(/^VMBus 5\.3: source-read, Linux 6\.1 include\/linux\/hyperv\.h/)
  expect(sources?.[7]).toMatch(/^support until 2031-10-14: community, altrhombus\/DataForGeeks/)
  expect(resultHost(host('ws2008')).facts).toContain('no dynamic memory')
  expect(resultHost(host('azurelocal'))).not.toHaveProperty('supportEnds')
})
