import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostProfiles } from '@vmbus/host'
import { afterAll, expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { PROBES } from '../src/probes/index.ts'
import { executionCache } from '../src/run/cache.ts'
import { canonical } from '../src/run/canonical.ts'
import { codeDigest } from '../src/run/code.ts'
import { execute } from '../src/run/execute.ts'
import { planOf, type Plan } from '../src/run/plan.ts'
import { runPlan, type Progress } from '../src/run/run.ts'
import { sharingFaults } from '../src/run/sharing.ts'

const folder = mkdtempSync(join(tmpdir(), 'matrix-run-'))
afterAll(() => rmSync(folder, { recursive: true }))

const hosts = (...ids: string[]) => hostProfiles.filter(({ id }) => ids.includes(id))
const pairs = (releases: readonly string[], ...ids: string[]) =>
  releases.flatMap((release) => hosts(...ids).map((host) => ({ release, host })))
const probes = PROBES.filter(({ id }) => id === 'kvp' || id === 'file-copy')

const small = (): Plan => planOf(pairs(['rhel 7.9', 'debian 12'], 'ws2012', 'ws2022'), probes, { seed: 5, runs: 2 })

test('a plan is run in this thread or on others with the same end, and tells how far it is', async () => {
  const heard: Progress[] = []
  const here = await runPlan(small(), { workers: 0, onProgress: (progress) => heard.push(progress) })
  expect([...here.keys()]).toEqual(small().tasks.map(({ id }) => id))
  expect(heard.map(({ done }) => done)).toEqual(small().tasks.map((_, index) => index + 1))
  expect(heard.at(-1)).toMatchObject({ total: heard.length, cached: 0, secondsLeft: 0 })
  expect(await runPlan(small(), { workers: 2 })).toEqual(here)
})

test('what was finished is taken from the cache, of the same code alone and only where the file can be read', async () => {
  const plan = small()
  const first = await runPlan(plan, { workers: 0, cache: await executionCache(folder, 'a'.repeat(64)) })
  let ran = 0
  const again = async (code: string): Promise<void> => {
    ran = 0
    const cache = await executionCache(folder, code)
    const all = await runPlan(plan, { workers: 0, cache, onProgress: ({ done, cached }) => (ran = done - cached) })
    expect(all).toEqual(first)
  }
  await again('a'.repeat(64))
  expect(ran).toBe(0)
  await again('b'.repeat(64))
  expect(ran).toBe(plan.tasks.length)
  const [file = ''] = readdirSync(folder).filter((name) => name.includes('aaaa'))
  writeFileSync(join(folder, file), readFileSync(join(folder, file), 'utf8').slice(0, 100))
  await again('a'.repeat(64))
  expect(ran).toBe(plan.tasks.length)
})

test('an abort keeps what was finished, and the next run goes on from there', async () => {
  const plan = small()
  const stop = new AbortController()
  const cache = await executionCache(folder, 'c'.repeat(64))
  const some = await runPlan(plan, { workers: 0, cache, signal: stop.signal, onProgress: () => stop.abort() })
  expect(some.size).toBe(1)
  let cached = 0
  const next = await executionCache(folder, 'c'.repeat(64))
  await runPlan(plan, { workers: 0, cache: next, onProgress: (progress) => ({ cached } = progress) })
  expect(cached).toBe(1)
})

test('shared cells that are run alone are found the same', async () => {
  const plan = planOf(pairs(['rhel 7.9', 'centos 7.9', 'oracle 7.9 rhck'], 'ws2019', 'ws2022'), probes, {
    seed: 1,
    runs: 1,
    checked: 1,
  })
  // Six cells of each probe, two executions where the host's version of VMBus is another: the other four are checked.
  expect(plan.checks.length).toBeGreaterThanOrEqual(8)
  const all = await runPlan(plan, { workers: 0 })
  expect(sharingFaults(plan, all)).toEqual([])
  const [check] = plan.checks
  const other = new Map(all)
  const alone = other.get(check?.id ?? '')
  if (check === undefined || alone === undefined) throw new Error('no check')
  other.set(check.id, { ...alone, outcome: 'fails' })
  expect(sharingFaults(plan, other)).toMatchObject([{ id: check.id, of: check.of }])
})

test('a probe that draws fewer values has the same executions whether the default is said or not, as a merge says it', () => {
  const fewer = PROBES.filter(({ id }) => id === 'live-migration').map((probe) => ({ ...probe, runs: 1 }))
  const runs = (said?: number) =>
    planOf(pairs(['debian 12'], 'ws2022'), fewer, { seed: 5, ...(said !== undefined && { runs: said }) })
  expect(runs().tasks).toEqual(runs(runs().runs).tasks)
  expect([runs(), runs(20), runs(100), runs(2)].map(({ tasks }) => tasks[0]?.runs)).toEqual([1, 1, 5, 1])
})

test('what works without a byte on one of the rings of its probe is an error', async () => {
  const [guest, [profile]] = [guestOf('debian 12'), hosts('ws2022')]
  if (!isGuest(guest) || profile === undefined) throw new Error('not known')
  const probe = { ...probes.find(({ id }) => id === 'kvp')!, bytes: ['kvp', 'fcopy'] as const }
  expect(await execute({ id: 'x', probe, guest, profile, seed: 5, runs: 1 })).toMatchObject({
    outcome: 'error',
    reason: 'works without a byte on the rings of fcopy',
  })
})

test('keys tell values apart that JSON does not, and code has one digest', () => {
  expect(canonical({ b: undefined, a: [Infinity, null] })).toBe('{"a":["Infinity",null],"b":"undefined"}')
  expect(codeDigest()).toMatch(/^[\da-f]{64}$/)
  expect(codeDigest()).toBe(codeDigest())
})

test('tasks may be run by something else, which is given those that the cache does not have', async () => {
  const plan = small()
  const cache = await executionCache(folder, 'd'.repeat(64))
  const [first, ...rest] = (await runPlan(plan, { workers: 0 })).values()
  if (first === undefined) throw new Error('nothing ran')
  cache.put(first)
  const given: string[] = []
  const all = await runPlan(plan, {
    cache,
    // In another order, as machines of different speed end them.
    dispatch: async (tasks, { finished }) => {
      given.push(...tasks.map(({ id }) => id))
      for (const execution of rest.toReversed()) finished(execution)
    },
  })
  expect(given).toEqual(rest.map(({ id }) => id))
  expect([...all.values()]).toEqual([first, ...rest])
})
