import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { root } from './root.ts'

const workspace = mkdtempSync(join(tmpdir(), 'vmbus-mutate-test-'))
afterAll(() => rmSync(workspace, { recursive: true }))

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(workspace, 'packages/sample', name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  symlinkSync(join(root, 'node_modules'), join(workspace, 'node_modules'), 'junction')
}

test('a mutant of what a module does as it is loaded is tried on every file of tests that imports it', () => {
  const imports = "import { expect, test } from 'vitest'\nimport { LIMIT, above } from '../src/limit.ts'\n"
  write({
    'src/limit.ts': 'export const LIMIT = 4\nexport const above = (n: number): boolean => n > LIMIT\n',
    'src/forgotten.ts': 'export const nobody = (): number => 7\n',
    // By name the first, and content with any limit.
    'test/a.test.ts': `${imports}test('a', () => expect(above(LIMIT + 9)).toBe(true))\n`,
    'test/b.test.ts': `${imports}test('b', () => expect(LIMIT).toBe(4))\n`,
  })
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'scripts/mutate.mjs'), 'sample', '--root', workspace],
    {
      encoding: 'utf8',
      env: { ...process.env, VITEST: undefined, VITEST_WORKER_ID: undefined, VITEST_POOL_ID: undefined },
    },
  )
  expect({ stderr, lines: stdout.trim().replaceAll(sep, '/').split('\n').sort() }).toEqual({
    stderr: '',
    lines: [
      '4 mutants of sample; 2 files of tests run once without',
      'packages/sample/src/forgotten.ts:1: 7 -> 8 (reached by no test)',
      'packages/sample/src/limit.ts:2: n > LIMIT -> (n) >= (LIMIT) (survives 1 files of tests)',
      'sample: 2 of 4 mutants killed (50.0 %), 0 of them by time; 4 in all, seed 1',
    ],
  })
  expect(status).toBe(0)
})
