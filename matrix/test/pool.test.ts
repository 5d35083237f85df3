import { hostProfiles } from '@vmbus/host'
import { expect, test } from 'vitest'
import { PROBES } from '../src/probes/index.ts'
import type { Execution } from '@vmbus/report'
import { planOf, type Task } from '../src/run/plan.ts'
import { runPool } from '../src/run/pool.ts'
import { runPlan } from '../src/run/run.ts'

const hosts = hostProfiles.filter(({ id }) => id === 'ws2022')
const plan = planOf(
  hosts.map((host) => ({ release: 'debian 12', host })),
  PROBES.filter(({ id }) => id === 'kvp'),
  { seed: 5, runs: 1 },
)
const tasks: Task[] = [...plan.tasks]
const wrong: Task = { ...tasks[0]!, id: 'wrong', probe: 'of another version' }

test('what a thread cannot do is an error of that task alone, and what comes after it is run', async () => {
  const all: Execution[] = []
  await runPool([wrong, ...tasks], { workers: 1, finished: (execution) => all.push(execution) })
  expect(all.map(({ id, outcome }) => [id, outcome])).toEqual([
    ['wrong', 'error'],
    [tasks[0]!.id, 'works'],
  ])
  expect(all[0]!.reason).toContain('of another version')
  const here = await runPlan({ ...plan, tasks: [wrong, ...tasks] }, { workers: 0 })
  expect([...here.values()]).toEqual(all)
})

test('no answer in time is an error, which says nothing of the guest', async () => {
  const all: Execution[] = []
  await runPool(tasks, { workers: 1, patience: 1, finished: (execution) => all.push(execution) })
  expect(all).toMatchObject([{ outcome: 'error', reason: 'no answer in time' }])
})

test('an abort does not wait for what is under way', async () => {
  const stop = new AbortController()
  const all: Execution[] = []
  const pool = runPool(tasks, { workers: 1, signal: stop.signal, finished: (execution) => all.push(execution) })
  stop.abort()
  await pool
  expect(all).toEqual([])
})
