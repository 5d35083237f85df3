import { describe, expect, test } from 'vitest'
import { mutantsOf } from '../mutate/mutants.mjs'

const shown = (text: string): string[] =>
  mutantsOf('a.ts', text, 0).mutants.map(({ line, original, mutated }) => `${line}: ${original} -> ${mutated}`)

/** What a body returns while one mutant is asked for; with undefined, none. */
function valueOf(body: string, mutant: number | undefined): unknown {
  const { code } = mutantsOf('a.js', `function value() { ${body} }`, 0)
  // The test's own text is compiled here, as the instrumented sources are by vite.
  // oxlint-disable-next-line typescript/no-implied-eval
  const made = new Function('ask', `globalThis.vmbusMutant = ask\n${code}\nreturn value`) as (
    ask: (id: number) => boolean,
  ) => () => unknown
  try {
    return made((id) => id === mutant)()
  } finally {
    delete (globalThis as { vmbusMutant?: unknown }).vmbusMutant
  }
}

describe('the mutants of a source', () => {
  test.each([
    ['x = a < 4', ['1: 4 -> 5', '1: a < 4 -> (a) <= (4)', '1: a < 4 -> (a) >= (4)', '1: x = a < 4 -> ']],
    ['if (!a)\n  go()', ['1: !a -> true', '1: !a -> false', '1: !a -> a', '2: go() -> ']],
    ['const y = { 4: true, [n]: i++ } as const', ['1: true -> false', '1: i++ -> i--']],
    ["'use strict'\nimport { a } from 'b'\nexport { c } from 'd'\nexport type E = 1 | 2\nlet f: 3", []],
    ['class A extends B { constructor() { super() } }', []],
  ])('%j', (text, mutants) => {
    expect(shown(text)).toEqual(mutants)
  })

  test('are numbered on from file to file', () => {
    expect(mutantsOf('a.ts', 'f(1, 2)', 7).mutants.map(({ id }) => id)).toEqual([7, 8, 9])
  })

  test('stand in a text of as many lines that does the same while none is asked for', () => {
    const body = 'let sum = 0\nfor (let i = 0; i < 4; i++) { if (i === 2) continue\nsum += i }\nreturn sum'
    const { code, mutants } = mutantsOf('a.js', `function value() { ${body} }`, 0)
    expect(code.split('\n').slice(0, 4).at(-1)).toContain('return sum')
    expect(valueOf(body, undefined)).toBe(4)
    // One by one: only `continue` taken away adds the 2, and only `-=` counts down.
    const values = Object.fromEntries(
      mutants
        .filter(({ original }) => !original.startsWith('i'))
        .map(({ id, original }) => [original, valueOf(body, id)]),
    )
    expect(values).toMatchObject({ continue: 6, 'sum += i': 0 })
  })
})
