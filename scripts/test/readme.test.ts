import { describe, expect, test } from 'vitest'
import { examplesOf } from '../docs/examples.mjs'
import { runExamples } from './run-examples.ts'

runExamples('fast')

describe('the examples of a README', () => {
  test('are its ts blocks, with their lines', () => {
    const markdown = '# A\n```ts\nconst a = 1\nconst b = 2\n```\n```sh\nnpm start\n```\n```ts\nb()\n```\n'
    expect(examplesOf(markdown)).toEqual([
      { line: 3, code: 'const a = 1\nconst b = 2', tier: 'fast', why: undefined },
      { line: 10, code: 'b()', tier: 'fast', why: undefined },
    ])
  })

  test('are not run when marked so, with the reason', () => {
    expect(examplesOf('<!-- not run: needs a kernel -->\n```ts no-run\nboot()\n```')).toEqual([
      { line: 3, code: 'boot()', tier: 'none', why: 'needs a kernel' },
    ])
  })

  test('are run with the guests when marked so', () => {
    expect(examplesOf('```ts guests\nboot()\n```')).toEqual([
      { line: 2, code: 'boot()', tier: 'guests', why: undefined },
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
