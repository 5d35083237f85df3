import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { dispositions } from '../../src/historical/index.ts'
import tables from '../fixtures/historical-bugs.json' with { type: 'json' }
import { DEFECTS, patches } from './scratch.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const ids = dispositions.map(({ id }) => id)
const caught = dispositions.filter((each) => 'caughtBy' in each)

/** Files whose tests are models, properties, invariants or hostile peers, written without a defect in mind. */
const GENERAL =
  /\/(life|channel-life|ring|ring-races|hostile|hostile-peer|hostile-bus|model|accounts|deadlines|devices|gpadl|negotiate)\.test\.ts /

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

test.each(Object.entries(tables))('each row of “%s” has one disposition', (_, rows) => {
  for (const row of rows) expect([row, ids.filter((id) => id === row).length]).toEqual([row, 1])
})

test('there is no disposition of anything else, and no patch without one', () => {
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

test('at least half are caught by models and invariants', () => {
  const general = caught.filter(({ caughtBy }) => GENERAL.test(caughtBy))
  expect(general.length / caught.length).toBeGreaterThanOrEqual(0.5)
})
