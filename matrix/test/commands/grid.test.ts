import { grids, releases } from '@vmbus/catalog'
import { hostProfiles } from '@vmbus/host'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gridText } from '../../src/report/grid.ts'
import { buildResults } from '../../src/results/build.ts'
import { type Outcome, OUTCOMES, type ResultFeature, type Story } from '@vmbus/report'

const HOSTS = ['ws2008', 'ws2008r2', 'ws2012', 'ws2012r2', 'win10-1507', 'win10-1511', 'ws2016', 'win10-1703']
const ALL_HOSTS = [
  ...HOSTS,
  'win10-1709',
  'win10-1803',
  'ws2019',
  'win10-1903',
  'win10-2004',
  'ws2022',
  'win11-22h2',
  'ws2025',
  'azurelocal',
]
const FEATURES = ['core', 'kvp', 'trim'] as const

const story = (outcome: Outcome, change: Partial<Story> = {}): Story => ({
  outcome,
  evidence: 'simulated-sourced',
  verdict: 'agrees',
  reason: '',
  reads: [],
  published: [],
  ...change,
})

function grid(
  releases: readonly string[],
  hosts: readonly string[],
  features: readonly ResultFeature['id'][],
  at: (release: string, host: string, feature: string) => Story,
): string {
  return gridText(
    buildResults({
      seed: 1,
      runs: 1,
      releases: releases.map((key) => ({ key, family: 'rhel', kernel: 'k', drivers: 'built-in' })),
      hosts: hosts.map((id) => ({ id, name: id })),
      features: features.map((id) => ({ id, name: id, group: 'g', probes: [] })),
      executions: [],
      causes: [],
      storyOf: (release, host, feature) => at(release.key, host.id, feature.id),
    }),
  )
}

describe('the grid on a terminal', () => {
  it('of one guest has features by host, and three marks for three kinds of no', () => {
    const outcomes: Readonly<Record<string, Outcome>> = {
      ws2012: 'not-offered',
      ws2016: 'no-driver',
      ws2022: 'not-run',
    }
    const text = grid(['rhel 7.9'], ['ws2012', 'ws2016', 'ws2022', 'ws2025'], FEATURES, (_, host, feature) =>
      feature === 'core'
        ? story('works')
        : feature === 'kvp'
          ? story('fails', { verdict: 'differs' })
          : story(outcomes[host] ?? 'works'),
    )
    expect(text).toBe(`      w w w w
      s s s s
      2 2 2 2
      0 0 0 0
      1 1 2 2
      2 6 2 5
core  ✓ ✓ ✓ ✓   ✓ works
kvp   ✗'✗'✗'✗'  ✗ fails
trim  h g · ✓   h the host lacks it
                g the guest lacks it
                · nobody looked
                ' the page differs
`)
  })

  it('of one host has guests by feature, neighbours that are alike in one row', () => {
    const text = grid(
      ['rhel 7.0', 'rhel 7.1', 'rhel 7.2', 'rhel 8.0', 'rhel 8.1 + lis 4.3', 'rhel 8.2 + lis 4.3'],
      ['ws2022'],
      FEATURES,
      (release, _, feature) => story(feature === 'trim' && release < 'rhel 7.2' ? 'no-driver' : 'works'),
    )
    expect(text.split('\n').slice(4)).toEqual([
      'rhel 7.0–7.1            ✓✓g  ✓ works',
      'rhel 7.2                ✓✓✓  g the guest lacks it',
      'rhel 8.0                ✓✓✓',
      'rhel 8.1–8.2 + lis 4.3  ✓✓✓',
      '',
    ])
  })

  it('of many has the share that works, a check for all and a dot for nothing measured', () => {
    const releases = ['rhel 7.0', 'rhel 7.1', 'rhel 7.2']
    const text = grid(releases, ['ws2012', 'ws2022'], FEATURES, (release, host, feature) =>
      feature === 'core'
        ? story('works')
        : feature === 'kvp'
          ? story('not-run', { evidence: 'documented' })
          : story(host === 'ws2012' && release === 'rhel 7.0' ? 'fails' : 'partial'),
    )
    expect(text.split('\n').slice(6, 9)).toEqual(['core  ✓  ✓', 'kvp   ·  ·', 'trim 66  ✓'])
  })

  it('fits 80 columns with every host, feature and outcome', () => {
    const long = 'windows server 2012 r2 with a name that does not end'
    const any = (_: string, host: string): Story =>
      story(OUTCOMES[ALL_HOSTS.indexOf(host) % OUTCOMES.length] ?? 'works', { verdict: 'differs' })
    for (const text of [
      grid([long], ALL_HOSTS, FEATURES, any),
      grid([long, 'rhel 7.9'], ALL_HOSTS, ['trim'], any),
      grid([long, 'rhel 7.9'], ['ws2022'], FEATURES, any),
      grid([long, 'rhel 7.9'], ALL_HOSTS, FEATURES, any),
    ])
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it("fits 80 columns whatever is chosen, with guests, hosts and features of one's own", () => {
    const own = 'acme.a-feature-whose-name-goes-on-and-on' as const
    const keys = [...releases().map(({ key }) => key), 'my-linux 1.0 of a name that goes on and on and on']
    const ids = [...hostProfiles.map(({ id }) => id), 'my-own-host-of-the-next-year']
    const features = [...grids().features.map(({ id }) => id), own]
    const any = <T>(list: readonly T[], most: number) =>
      fc.subarray([...list], { minLength: 1 }).map((some) => some.slice(0, most))
    const chosen = fc.record({
      releases: fc.oneof(any(keys, 1), any(keys, 40)),
      hosts: fc.oneof(any(ids, 1), any(ids, ids.length), fc.constant(ids)),
      features: fc.oneof(any(features, 1), any(features, features.length), fc.constant(features)),
      outcomes: fc.array(fc.constantFrom(...OUTCOMES), { minLength: 1, maxLength: 12 }),
      verdict: fc.constantFrom('agrees' as const, 'differs' as const),
    })
    fc.assert(
      fc.property(chosen, ({ outcomes, verdict, ...names }) => {
        let at = 0
        const text = grid(names.releases, names.hosts, names.features, () =>
          story(outcomes[at++ % outcomes.length] ?? 'works', { verdict }),
        )
        for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
      }),
      { seed: 10, numRuns: 60 },
    )
  })
})
