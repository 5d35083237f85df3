import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { executionCache } from '../src/run/cache.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'matrix-cache-'))))
afterEach(() => rmSync(folder, { recursive: true }))

/** A file of other code that was used so many days ago. */
function other(name: string, days: number): void {
  const path = join(folder, `executions-${name}.json`)
  writeFileSync(path, '[]')
  const used = new Date(Date.now() - days * 86_400_000)
  utimesSync(path, used, used)
}

async function write(code: string): Promise<void> {
  const cache = await executionCache(folder, code)
  cache.put({ id: 'x', probe: 'kvp', outcome: 'works', reason: '', seed: 1, runs: 1, bytes: 1, transcript: 't' })
  await cache.flush()
}

test('what other code left is removed after 30 days without use, and beyond the eight that were used last', async () => {
  for (let age = 1; age <= 10; age++) other(`other-${age}`, age)
  other('old', 31)
  writeFileSync(join(folder, 'something-else.json'), '[]')
  await write('mine')
  const kept = [1, 2, 3, 4, 5, 6, 7, 8].map((age) => `executions-other-${age}.json`)
  expect(readdirSync(folder).toSorted()).toEqual(['executions-mine.json', ...kept, 'something-else.json'])
})

test('what is read counts as used', async () => {
  other('other', 29.9)
  other('unused', 31)
  expect((await executionCache(folder, 'other')).get('x')).toBeUndefined()
  for (let age = 1; age <= 7; age++) other(`newer-${age}`, age)
  await write('mine')
  expect(readdirSync(folder)).toContain('executions-other.json')
  expect(readdirSync(folder)).not.toContain('executions-unused.json')
})
