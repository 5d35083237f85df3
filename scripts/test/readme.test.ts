import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { examplesOf, writeExamples } from '../docs/examples.mjs'
import { root } from './root.ts'

describe('examples run as pasted', () => {
  const home = process.cwd()
  const scratch = mkdtempSync(join(tmpdir(), 'vmbus-examples-'))

  // An example may print, and may write files: not into the repository, nor over the report of the tests.
  beforeAll(() => {
    process.chdir(scratch)
    for (const method of ['log', 'info', 'table'] as const) vi.spyOn(console, method).mockImplementation(() => {})
  })
  afterAll(() => {
    vi.restoreAllMocks()
    process.chdir(home)
    rmSync(scratch, { recursive: true })
  })

  for (const { readme, example, file } of writeExamples(root)) {
    if (!example.run) continue
    test(`${readme}:${example.line}`, async () => {
      await expect(import(/* @vite-ignore */ file)).resolves.toBeDefined()
    })
  }
})

describe('the examples of a README', () => {
  test('are its ts blocks, with their lines', () => {
    const markdown = '# A\n```ts\nconst a = 1\nconst b = 2\n```\n```sh\nnpm start\n```\n```ts\nb()\n```\n'
    expect(examplesOf(markdown)).toEqual([
      { line: 3, code: 'const a = 1\nconst b = 2', run: true, why: undefined },
      { line: 10, code: 'b()', run: true, why: undefined },
    ])
  })

  test('are not run when marked so, with the reason', () => {
    expect(examplesOf('<!-- not run: needs a kernel -->\n```ts no-run\nboot()\n```')).toEqual([
      { line: 3, code: 'boot()', run: false, why: 'needs a kernel' },
    ])
  })

  test.each([
    ['```ts\nopen()', 'line 1: this block does not end'],
    ['```js\nopen()\n```', 'line 1: mark a block of js as ts'],
    ['```ts norun\nopen()\n```', "line 1: unknown mark in 'ts norun'"],
  ])('%j is refused', (markdown, message) => {
    expect(() => examplesOf(markdown)).toThrow(message)
  })
})
