import { describe, expect, test } from 'vitest'
import { violations, type Table } from '../floors/rules.mjs'
import * as floors from '../floors/table.mjs'
import { readWorkspace, type Package } from '../floors/workspace.mjs'
import { root } from './root.ts'

const table: Table = {
  floors: [
    { floor: 0, packages: ['world'] },
    { floor: 2, packages: ['disk'] },
    { floor: 6, packages: ['host', 'guest-linux'] },
    { floor: 7, packages: ['trace', 'compliance'], beside: { compliance: ['trace'] } },
    { floor: 8, packages: ['catalog'] },
  ],
  impureFiles: ['packages/disk/src/file*.ts'],
  moduleState: { 'disk/src/cache.ts: crc': 'a cache' },
}

/** A package that depends on `uses`, refers to them, and has these files. */
function pack(folder: string, uses: string[], files: Record<string, string> = {}, refers = uses): Package {
  return {
    folder,
    manifest: {
      name: `@vmbus/${folder}`,
      dependencies: Object.fromEntries(uses.map((name) => [`@vmbus/${name}`, 'workspace:^'])),
    },
    references: refers,
    isBuilt: true,
    sources: Object.entries(files).map(([path, text]) => ({ path, text })),
  }
}

/** The violations when these packages replace sound ones of the same name. */
function check(...changed: Package[]): string[] {
  const sound = [
    pack('world', []),
    pack('disk', ['world']),
    pack('host', ['world', 'disk']),
    pack('guest-linux', ['world']),
    pack('trace', ['world']),
    pack('compliance', ['host', 'trace']),
    pack('catalog', []),
  ]
  return violations(
    sound.map((each) => changed.find(({ folder }) => folder === each.folder) ?? each),
    table,
  )
}

test('the workspace keeps its floors', () => {
  expect(violations(readWorkspace(root), floors)).toEqual([])
})

test('sound packages have no violations', () => {
  const text = `import { x } from '@vmbus/world'\nimport './other.ts'\nexport const at = new Date(0)`
  expect(check(pack('disk', ['world'], { 'src/index.ts': text }))).toEqual([])
})

describe('the dependency graph', () => {
  test.each([
    [
      'left out of the build',
      { ...pack('world', []), isBuilt: false },
      'world/tsconfig.json: is not named in tsconfig.build.json',
    ],
    ['above', pack('world', ['disk']), 'world/package.json: depends on @vmbus/disk, which is not on a floor below'],
    [
      'beside',
      pack('trace', ['compliance']),
      'trace/package.json: depends on @vmbus/compliance, which is not on a floor below',
    ],
    [
      'the catalog',
      pack('host', ['catalog']),
      'host/package.json: depends on @vmbus/catalog, which is not on a floor below',
    ],
    [
      'the catalog from a guest',
      pack('guest-linux', ['catalog']),
      'guest-linux/package.json: depends on @vmbus/catalog, which is not on a floor below',
    ],
    ['no reference', pack('disk', ['world'], {}, []), 'disk/tsconfig.json: lacks a reference to world'],
    ['a reference alone', pack('disk', [], {}, ['world']), 'disk/tsconfig.json: refers to world, no dependency'],
  ])('%s', (_, changed, violation) => {
    expect(check(changed)).toEqual([violation])
  })

  test('devDependencies count', () => {
    const changed = pack('host', [])
    changed.manifest.devDependencies = { '@vmbus/compliance': 'workspace:^' }
    expect(check(changed)).toEqual(['host/package.json: depends on @vmbus/compliance, which is not on a floor below'])
  })

  test('a foreign run-time dependency of a pure floor', () => {
    const changed = pack('disk', [])
    changed.manifest.dependencies = { lodash: '^4.0.0' }
    expect(check(changed)).toEqual(['disk/package.json: depends on lodash; floors 0 to 6 need nothing foreign'])
  })

  test('a package without a floor and a floor without a package', () => {
    expect(
      violations([pack('vsock', [])], {
        floors: [{ floor: 0, packages: ['world'] }],
        impureFiles: [],
        moduleState: {},
      }),
    ).toEqual(['world: has a floor but no folder', 'vsock: has no floor in scripts/floors/table.mjs'])
  })
})

describe('imports', () => {
  test.each([
    [`import { a } from '@vmbus/host'`, 'imports @vmbus/host, which is not on a floor below'],
    [`import type { A } from '@vmbus/host/profile'`, 'imports @vmbus/host/profile, which is not on a floor below'],
    [`export * from '@vmbus/catalog'`, 'imports @vmbus/catalog, which is not on a floor below'],
    [`export { a } from '@vmbus/catalog'`, 'imports @vmbus/catalog, which is not on a floor below'],
    [`export type A = import('@vmbus/trace').A`, 'imports @vmbus/trace, which is not on a floor below'],
    [`const a = import('@vmbus/trace')`, 'imports @vmbus/trace, which is not on a floor below'],
    [`import '../../host/src/index.ts'`, 'leaves its package by ../../host/src/index.ts'],
    [`import '../test/fixture.ts'`, 'imports ../test/fixture.ts, which is no source'],
    [`import 'node:fs'`, 'imports node:fs'],
    [`export { readFile } from 'fs/promises'`, 'imports fs/promises'],
    [`import './file-disk.ts'`, 'imports ./file-disk.ts, an entry that touches Node'],
    [`export const at = new Date()`, 'reads the clock by new Date()'],
    [`export const at = Date()`, 'reads the clock by Date()'],
  ])('%s', (text, violation) => {
    expect(check(pack('disk', ['world'], { 'src/index.ts': text }))).toEqual([`disk/src/index.ts: ${violation}`])
  })

  test('a package that the manifest does not list', () => {
    const changed = pack('disk', [], { 'src/index.ts': `import '@vmbus/world'` })
    expect(check(changed)).toEqual(['disk/src/index.ts: imports @vmbus/world, which package.json does not list'])
  })

  test('tests may use Node and their own package, but no floor above', () => {
    const text = `import 'node:fs'\nimport '@vmbus/disk'\nimport '../src/file.ts'\nimport '@vmbus/trace'`
    expect(check(pack('disk', ['world'], { 'test/disk.test.ts': text }))).toEqual([
      'disk/test/disk.test.ts: imports @vmbus/trace, which is not on a floor below',
    ])
  })

  test('a source may import data that is published beside it, and no code', () => {
    const of = (file: string): Record<string, string> => ({ 'src/index.ts': `import data from '../data/${file}'` })
    expect(check(pack('disk', ['world'], of('facts.json')))).toEqual([])
    expect(check(pack('disk', ['world'], of('facts.ts')))).toEqual([
      'disk/src/index.ts: imports ../data/facts.ts, which is no source',
    ])
    const text = `import facts from '../../catalog/data/facts.json'`
    expect(check(pack('guest-linux', ['world'], { 'src/index.ts': text }))).toEqual([
      'guest-linux/src/index.ts: leaves its package by ../../catalog/data/facts.json',
    ])
  })

  test('a listed entry may touch Node', () => {
    expect(check(pack('disk', ['world'], { 'src/file-disk.ts': `import 'node:fs'\nnew Date()` }))).toEqual([])
  })
})

describe('no module holds state:', () => {
  const held = (name: string): string =>
    `disk/src/index.ts: holds state in ${name}, which all of its users in a process would share`

  test.each([
    ['let', 'let at = 0\nexport const next = () => at++', 'at'],
    [
      'a typed array',
      'const bytes = new Uint8Array(8)\nexport const put = (x: number) => void (bytes[0] = x)',
      'bytes',
    ],
    ['a view', 'const view = new DataView(x.buffer)\nexport function put() { view.setUint32(0, 1, true) }', 'view'],
    ['a map', 'const ports = new Map()\nexport function put() { ports.set(1, 2) }', 'ports'],
    ['a list', 'const seen: string[] = []\nexport const see = (x: string) => seen.push(x)', 'seen'],
    ['an object', 'const found = { at: 0 }\nexport const find = () => { found.at = 1 }', 'found'],
    ['deleted', 'const found = { at: 0 } as F\nexport const find = () => { delete found!.at }', 'found'],
    ['handed on to be filled', 'const bytes = new Uint8Array(8)\nexport const put = () => fill(bytes)', 'bytes'],
  ])('%s', (_, text, name) => {
    expect(check(pack('disk', [], { 'src/index.ts': text }))).toEqual([held(name)])
  })

  test.each([
    [
      'a table that is filled while the module loads',
      'const t = new Uint8Array(9)\nfor (const i of [1]) t[i] = i\nexport const of = (i) => t[i]',
    ],
    [
      'a name that is another within',
      'const t = new Map()\nexport const f = (t: Map<1, 2>) => { t.set(1, 2) }\nexport function g() { const t = []; t.push(1) }',
    ],
    ['a list that is only read', 'const t = [1]\nexport const f = () => g(t)'],
    ['no bytes', 'const none = new Uint8Array(0)\nexport const f = () => g(none)'],
    ['what a type says', 'declare let x: number\nexport type A = { let: 1 }'],
  ])('but may have %s', (_, text) => {
    expect(check(pack('disk', [], { 'src/index.ts': text }))).toEqual([])
  })

  test('what is listed may, and only while it does', () => {
    const files = (text: string): Record<string, string> => ({ 'src/cache.ts': text })
    expect(check(pack('disk', [], files('const crc = new Map()\nexport const f = () => crc.set(1, 2)')))).toEqual([])
    expect(check(pack('disk', [], files('export const f = () => 1')))).toEqual([
      'disk/src/cache.ts: holds no state in crc any more: take its line out of scripts/floors/table.mjs',
    ])
  })

  test('tests may', () => {
    expect(check(pack('disk', [], { 'test/disk.test.ts': 'let at = 0' }))).toEqual([])
  })
})
