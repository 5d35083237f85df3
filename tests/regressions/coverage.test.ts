import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { regressionCoverage } from './index.ts'
import tables from './historical-bugs.json' with { type: 'json' }
import { DEFECTS, patches } from './scratch.ts'
import { shrunkSteps } from './shrunk.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const ids = regressionCoverage.map(({ id }) => id)
const caught = regressionCoverage.filter((each) => 'caughtBy' in each)

/** Models, properties, invariants and hostile peers, written without a defect in mind. */
const GENERAL = new Set([
  'packages/core/test/life.test.ts › offer, open, close, grant, rescind, release, unload, suspend, save and hot add in any order keep the invariants',
  'packages/core/test/life.test.ts › saving and restoring after every step changes no later byte',
  'packages/core/test/ring.test.ts › the ring is a queue, whatever its pages, and signals exactly on transitions',
  'packages/core/test/channel-life.test.ts › ends that act only on signals deliver everything, in any order of steps',
  'packages/core/test/hostile-peer.test.ts › a hostile peer breaks no more than its channel',
  'packages/core/test/gpadl.test.ts › a buffer is the list of its pages',
  'packages/core/test/ring-races.test.ts › an index is visible after all that it covers',
  'packages/compliance/test/hostile-bus.test.ts › a hostile guest',
  'packages/compliance/test/suites/devices.test.ts › keeps every rule of devices',
  'packages/netvsc/test/model.test.ts › any life of an adapter keeps every frame, section and completion',
  'packages/storvsc/test/model.test.ts › a disk is an array, at any depth, over any pages, with faults, delays and saved worlds',
  'packages/storvsc/test/hostile.test.ts › a hostile host: no crash, every request ends once, none without its own completion',
  'packages/balloon/test/accounts.test.ts › guest and host have the same pages after every operation, above the floor, and each answer equals the work',
  'packages/kvp/test/model.test.ts › hold the old items or the new ones wherever the power is cut',
  'packages/vss/test/deadlines.test.ts › every backup ends once, a snapshot counts only if the guest stood still, and no guest stays frozen',
])

/** What each hunk of a patch expects to find: its context and the lines that it takes away. */
function hunks(patch: string): { readonly file: string; readonly before: string }[] {
  let file = ''
  const found: { file: string; before: string }[] = []
  for (const line of patch.split('\n')) {
    if (line.startsWith('+++ b/')) file = line.slice('+++ b/'.length)
    else if (line.startsWith('@@')) found.push({ file, before: '' })
    else if (/^[ -](?!-- [ab]\/)/.test(line)) {
      const hunk = found.at(-1)
      if (hunk !== undefined) hunk.before += `${line.slice(1)}\n`
    }
  }
  return found
}

test.each(Object.entries(tables))('each row of “%s” has its coverage', (_, rows) => {
  for (const row of rows) expect([row, ids.filter((id) => id === row).length]).toEqual([row, 1])
})

test('nothing else is covered, and no patch without one', () => {
  expect(ids.toSorted()).toEqual(Object.values(tables).flat().toSorted())
  expect(patches().toSorted()).toEqual(caught.map(({ id }) => `${id}.patch`).toSorted())
})

describe.each(caught)('$id', ({ id, caughtBy }) => {
  // Whether the file has a test of the name is seen by the deep tier, which runs it.
  test('names a test file that exists', () => {
    expect(existsSync(join(ROOT, caughtBy.split(' › ')[0] ?? ''))).toBe(true)
  })

  test('applies to the sources as they are', () => {
    const missing = hunks(readFileSync(join(DEFECTS, `${id}.patch`), 'utf8')).filter(
      ({ file, before }) => !readFileSync(join(ROOT, file), 'utf8').includes(before),
    )
    expect(missing).toEqual([])
  })

  test('is a patch of sources, not of tests', () => {
    const files = [...readFileSync(join(DEFECTS, `${id}.patch`), 'utf8').matchAll(/^\+\+\+ b\/(.+)$/gm)].map(
      (match) => match[1],
    )
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) expect(file).toMatch(/^packages\/[a-z0-9-]+\/src\//)
  })
})

/** Ring, channel, netvsc and storvsc; the last table has as many devices as rows. */
const LARGE_TABLES = 4

test.each([...Object.entries(tables).slice(0, LARGE_TABLES), ['all tables', ids] as const])(
  'at least half of “%s” are caught by models and invariants',
  (_, rows) => {
    const found = caught.filter(({ id }) => (rows as readonly string[]).includes(id))
    const general = found.filter(({ caughtBy }) => GENERAL.has(caughtBy))
    expect(general.length / found.length).toBeGreaterThanOrEqual(0.5)
  },
)

test('the length of a counterexample is that of its longest list', () => {
  const steps = (counterexample: string): number | undefined => shrunkSteps(`Counterexample: ${counterexample}\n`)
  expect(steps('[{"vps":1,"guest":{"channels":2}},[{"kind":"save"},{"kind":"vf","serial":1}]]')).toBe(2)
  expect(steps('[[],{"a":[1,2,3]}]')).toBe(1)
  expect(steps('[[Uint8Array.from([1,2,3]),"],[\\"{,"],7]')).toBe(2)
  expect(shrunkSteps('AssertionError: expected 1 to be 2')).toBeUndefined()
})
