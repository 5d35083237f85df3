import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root } from './root.ts'

// The linter's configuration holds rules of the architecture; here each is broken once, in one run of the linter.

const pure: [rule: string, code: string][] = [
  ['no-restricted-imports', `import 'node:fs'`],
  ['no-restricted-imports', `import 'fs'`],
  ['no-restricted-globals', `setTimeout(() => {}, 1)`],
  ['no-restricted-globals', `setInterval(() => {}, 1)`],
  ['no-restricted-globals', `setImmediate(() => {})`],
  ['no-restricted-globals', `queueMicrotask(() => {})`],
  ['no-restricted-globals', `export const pid = process.pid`],
  ['no-restricted-globals', `export const now = performance.now()`],
  ['no-restricted-globals', `export const now = globalThis.performance.now()`],
  ['no-restricted-globals', `export const bytes = Buffer.alloc(1)`],
  ['no-restricted-globals', `export const done = new Promise(() => {})`],
  ['no-restricted-types', `export type Done = Promise<void>`],
  ['no-async-await', `export async function done() {}`],
  ['no-top-level-await', `await 1`],
  ['no-restricted-properties', `export const now = Date.now()`],
  ['no-restricted-properties', `export const chance = Math.random()`],
  ['no-restricted-properties', `export const { random } = Math`],
  ['no-console', `console.log(1)`],
  ['no-explicit-any', `export const x: any = 1`],
]

const library: [rule: string, code: string][] = [
  ['no-console', `console.log(1)`],
  ['no-explicit-any', `export const x = 1 as any`],
  ['no-floating-promises', `async function later() {}\nlater()`],
  ['max-lines', 'export {}\n;'.repeat(401)],
]

const project = mkdtempSync(join(tmpdir(), 'vmbus-lint-'))
let reported: { code: string; filename: string }[]

function write(path: string, text: string): string {
  mkdirSync(dirname(join(project, path)), { recursive: true })
  writeFileSync(join(project, path), text)
  return path
}

beforeAll(() => {
  const compilerOptions = { strict: true, module: 'nodenext', types: [], lib: ['es2023'] }
  write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['packages'] }))
  // Paths in the configuration count from where it lies.
  write(
    'oxlint.config.mjs',
    `export { default } from ${JSON.stringify(pathToFileURL(join(root, 'oxlint.config.mjs')))}`,
  )
  for (const [index, [, code]] of pure.entries()) {
    write(`packages/core/src/${index}.ts`, code)
    write(`packages/disk/src/file-${index}.ts`, code)
  }
  for (const [index, [, code]] of library.entries()) write(`packages/trace/src/${index}.ts`, code)
  const lint = spawnSync(
    process.execPath,
    [join(root, 'node_modules/oxlint/bin/oxlint'), '-c', 'oxlint.config.mjs', '--format=json'],
    { cwd: project, encoding: 'utf8' },
  )
  reported = (JSON.parse(lint.stdout) as { diagnostics: typeof reported }).diagnostics
})

afterAll(() => {
  rmSync(project, { recursive: true })
})

/** The names of the rules that a file breaks. */
function rulesBroken(path: string): string[] {
  return reported.filter(({ filename }) => filename === path).map(({ code }) => code.replace(/^.*\((.*)\)$/, '$1'))
}

describe('a pure floor may not', () => {
  test.each(pure.map(([rule, code], index) => ({ rule, code, path: `packages/core/src/${index}.ts` })))(
    '$code ($rule)',
    ({ rule, path }) => {
      expect(rulesBroken(path)).toContain(rule)
    },
  )
})

describe('a library may not', () => {
  test.each(
    library.map(([rule, code], index) => ({ rule, code: code.slice(0, 50), path: `packages/trace/src/${index}.ts` })),
  )('$code ($rule)', ({ rule, path }) => {
    expect(rulesBroken(path)).toContain(rule)
  })
})

test('an entry that is listed as impure may touch Node, but neither print nor use any', () => {
  const broken = pure.flatMap((_, index) => rulesBroken(`packages/disk/src/file-${index}.ts`))
  const listed = new Set(pure.map(([rule]) => rule))
  expect(broken.filter((rule) => listed.has(rule))).toEqual(['no-console', 'no-explicit-any'])
})
