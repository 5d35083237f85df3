import { grids, release } from '@vmbus/catalog'
import { hostProfile } from '@vmbus/host'
import type { Story } from '@vmbus/report'
import { expect, test } from 'vitest'
import { assemble } from '../src/cells/assemble.ts'
import { storiesOf } from '../src/results/read.ts'
import { runPlan } from '../src/run/run.ts'
import { simulations } from '../src/runner.ts'
import { PROBES } from '../src/probes/index.ts'
import { SPOT_CHECKS, type SpotCheck } from './spot-checks.ts'

/** The cell as a run of it alone would print it. */
async function storyOf({ release: key, host, feature: id }: SpotCheck): Promise<Story> {
  const [row, profile, feature] = [release(key), hostProfile(host), grids().features.find((each) => each.id === id)]
  if (row === undefined || profile === undefined || feature === undefined) throw new Error('not known')
  const probes = PROBES.filter((probe) => probe.feature === id)
  const plan = simulations.planOf([{ release: key, host: profile }], probes, { seed: 3, runs: 1 })
  const executions = await runPlan(plan, { workers: 0 })
  const [story] = storiesOf(
    assemble({ releases: [row], hosts: [profile], features: [feature] }, simulations, plan, executions),
  )
  return story ?? expect.fail('no story')
}

const marks = ({ published }: Story): string =>
  published
    .filter(({ value }) => value !== 'not-listed')
    .map(({ value, date }) => `${value} ${date.slice(0, 7)}`)
    .join(', ')

test.each(SPOT_CHECKS.map((check) => [`${check.release} on ${check.host}: ${check.feature}`, check] as const))(
  '%s',
  async (_, check) => {
    const story = await storyOf(check)
    const { outcome, verdict, cause } = story
    const { outcome: expected, published, verdict: judged } = check
    expect({ outcome, published: marks(story), verdict }).toEqual({ outcome: expected, published, verdict: judged })
    if (verdict === 'differs') expect(cause).toBeDefined()
  },
)

test('at least 60 of them, of every probe and every family', () => {
  expect(SPOT_CHECKS.length).toBeGreaterThanOrEqual(60)
  const measured = new Set(SPOT_CHECKS.map(({ feature }) => feature))
  expect(PROBES.map(({ feature }) => feature).filter((feature) => !measured.has(feature))).toEqual([])
  expect(new Set(SPOT_CHECKS.map(({ release: key, host, feature }) => `${key} ${host} ${feature}`)).size).toBe(
    SPOT_CHECKS.length,
  )
})
