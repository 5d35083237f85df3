import { hostProfiles } from '@vmbus/host'
import { describe, expect, it } from 'vitest'
import { assemble } from '../../src/cells/assemble.ts'
import { earlyResults, inTurn, type EarlyResult } from '../../src/commands/early.ts'
import { OURS } from '../../src/registry/registry.ts'
import type { Task } from '../../src/run/plan.ts'
import { countsOf } from '../../src/results/counts.ts'
import { fakeRunner } from './fake-runner.ts'

const runner = fakeRunner()
const hosts = hostProfiles.filter(({ id }) => ['ws2008r2', 'ws2022'].includes(id))
const selection = {
  releases: OURS.releases.filter(({ key }) => key === 'rhel 6.4' || key === 'rhel 7.9'),
  hosts,
  features: OURS.features.filter(({ id }) => id === 'trim' || id === 'kvp'),
}
const featureOf = (probe: string): string => probe

const task = (probe: string, at: number): Task => ({
  id: `${probe}${at}`,
  probe,
  release: 'rhel 7.9',
  host: 'ws2022',
  seed: 1,
  runs: 1,
})
const tasks = (probe: string, count: number): Task[] => Array.from({ length: count }, (_, at) => task(probe, at))

describe('the order of tasks', () => {
  it('has the feature of the fewest and that of the most in turn, each task once', () => {
    const all = [...tasks('many', 5), ...tasks('few', 2), ...tasks('some', 2)]
    const names = inTurn(all, featureOf).map(({ id }) => id)
    expect(names).toEqual(['few0', 'many4', 'few1', 'many3', 'some0', 'many2', 'some1', 'many1', 'many0'])
  })
})

describe('a feature that is certain', () => {
  const pairs = selection.releases.flatMap(({ key: release }) => hosts.map((host) => ({ release, host })))
  const plan = runner.planOf(pairs, runner.registry.probes, { seed: 1 })

  async function told(cached: number): Promise<readonly string[]> {
    const lines: string[] = []
    const tell = ({ feature, working, measured }: EarlyResult): void =>
      void lines.push(`${feature} ${working}/${measured}`)
    const hear = earlyResults({ runner, selection, plan }, featureOf, tell)
    const ordered = { ...plan, tasks: plan.tasks.toSorted((one, other) => (one.probe < other.probe ? -1 : 1)) }
    await runner.runPlan(ordered, {
      onProgress(progress) {
        lines.push(progress.last.probe)
        hear({ ...progress, cached })
      },
    })
    return lines
  }

  it('is told with its last execution, the last feature with the whole run', async () => {
    const lines = await told(0)
    const kvp = plan.tasks.filter(({ probe }) => probe === 'kvp').length
    const trim = plan.tasks.length - kvp
    // Key-value exchange works from 2012 on: both guests on one host of two.
    expect(lines).toEqual([
      ...Array.from({ length: kvp }, () => 'kvp'),
      'kvp 2/4',
      ...Array.from({ length: trim }, () => 'trim'),
    ])
  })

  it('is told as the results of the end count it', async () => {
    const results = assemble(selection, runner, plan, await runner.runPlan(plan, {}))
    const of = (feature: string) => {
      const at = results.features.findIndex(({ id }) => id === feature)
      const cells = results.cells.map((row) => row.filter((_, index) => index % results.features.length === at))
      const { working, measured } = countsOf({ ...results, features: results.features.slice(at, at + 1), cells })
      return `${feature} ${working}/${measured}`
    }
    expect([of('kvp'), of('trim')]).toEqual(['kvp 2/4', 'trim 2/4'])
  })

  it('is not told of what an earlier run had found', async () => {
    expect(
      (await told(plan.tasks.filter(({ probe }) => probe === 'kvp').length)).filter((line) => /\//.test(line)),
    ).toEqual([])
  })
})
