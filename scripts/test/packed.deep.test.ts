import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { examplesOf, writeExamples } from '../docs/examples.mjs'
import { readWorkspace } from '../floors/workspace.mjs'
import { root } from './root.ts'

// What a consumer gets: every package is built, packed and installed with npm into an empty project, and used there by plain
// node, without the workspace, its source condition or a TypeScript loader.

const project = mkdtempSync(join(tmpdir(), 'vmbus-consumer-'))
const windows = process.platform === 'win32'

/** Runs a command to its end; a failure throws with what it said. */
function run(cwd: string, command: string, ...args: string[]): string {
  // No output of a failing tool is lost, and none of a passing one is shown.
  return execFileSync(command, args, { cwd, encoding: 'utf8', shell: windows, stdio: ['ignore', 'pipe', 'pipe'] })
}

interface Manifest {
  readonly name: string
  readonly exports?: Readonly<Record<string, unknown>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const manifests = readWorkspace(root).map(({ manifest }) => manifest as Manifest)
/** What a package offers outside of this repository: an entry that is source alone is for its own tests and its neighbours'. */
const isBuilt = (target: unknown): boolean => typeof target !== 'object' || target === null || 'default' in target
const entries = manifests.flatMap(({ name, exports = {} }) =>
  Object.entries(exports).flatMap(([path, target]) => (isBuilt(target) ? [name + path.slice(1)] : [])),
)

beforeAll(() => {
  const bin = join(root, 'node_modules/.bin')
  const tarballs = join(project, 'tarballs')
  mkdirSync(tarballs)
  run(root, join(bin, 'tsc'), '-b', 'tsconfig.build.json')
  run(root, join(bin, 'pnpm'), '--recursive', 'pack', '--pack-destination', tarballs)
  const dependencies: Record<string, string> = {}
  for (const file of readdirSync(tarballs)) {
    // Optional peers are installed too, in the range that was published: entries that need them are imported below.
    const { name, peerDependencies } = JSON.parse(
      run(tarballs, 'tar', '-xOf', file, 'package/package.json'),
    ) as Manifest
    Object.assign(dependencies, peerDependencies, { [name]: `file:tarballs/${file}` })
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }))
  run(project, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error')
}, 300_000)

afterAll(() => {
  rmSync(project, { recursive: true })
})

test('no package brings a second copy of another', () => {
  expect(readdirSync(join(project, 'node_modules/@vmbus')).sort()).toEqual(
    manifests.map(({ name }) => name.replace('@vmbus/', '')).sort(),
  )
  const nested = readdirSync(join(project, 'node_modules/@vmbus'), { recursive: true, encoding: 'utf8' })
  expect(nested.filter((path) => /node_modules.@vmbus/.test(path))).toEqual([])
})

test.each(manifests)('$name brings its sources inside its maps', ({ name }) => {
  const folder = join(project, 'node_modules', name, 'dist')
  const maps = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js.map'))
  expect(maps.length).toBeGreaterThan(0)
  for (const map of maps) expect(readFileSync(join(folder, map), 'utf8')).toContain('"sourcesContent"')
})

test.each(manifests)('$name holds no sources, tests or workspace ranges', ({ name }) => {
  const folder = join(project, 'node_modules', name)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  expect(files.filter((path) => /^(src|test|bench)([/\\]|$)|tsbuildinfo$/.test(path))).toEqual([])
  expect(readFileSync(join(folder, 'package.json'), 'utf8')).not.toMatch(/workspace:|catalog:|@vmbus\/source/)
})

test.each(manifests)('$name brings its licence, its notices and its types', ({ name }) => {
  const folder = join(project, 'node_modules', name)
  expect(readdirSync(folder)).toEqual(
    expect.arrayContaining(['LICENSE', 'README.md', 'THIRD-PARTY-NOTICES.md', 'dist']),
  )
  expect(readdirSync(join(folder, 'dist'))).toContain('index.d.ts')
})

test('a package that was never built is packed whole, by npm as well', () => {
  const folder = join(project, 'unbuilt/packages/world')
  for (const part of ['scripts', 'packages/world/src'])
    cpSync(join(root, part), join(project, 'unbuilt', part), { recursive: true })
  for (const file of [
    'LICENSE',
    'THIRD-PARTY-NOTICES.md',
    'tsconfig.base.json',
    'packages/world/package.json',
    'packages/world/tsconfig.json',
    'packages/world/README.md',
  ])
    cpSync(join(root, file), join(project, 'unbuilt', file))
  symlinkSync(join(root, 'node_modules'), join(project, 'unbuilt/node_modules'), 'junction')
  const [packed] = JSON.parse(run(folder, 'npm', 'pack', '--json', '--silent')) as { files: { path: string }[] }[]
  const files = packed?.files.map(({ path }) => path)
  expect(files).toEqual(
    expect.arrayContaining(['LICENSE', 'THIRD-PARTY-NOTICES.md', 'dist/index.js', 'dist/index.d.ts']),
  )
})

test('the first example of the repository runs as plain JavaScript', () => {
  const [first] = examplesOf(readFileSync(join(root, 'README.md'), 'utf8'))
  writeFileSync(join(project, 'first.mjs'), first?.code ?? '')
  // As the README says: the version is 5.3, the heart beats, and Linux tells nothing of its applications.
  expect(run(project, process.execPath, 'first.mjs')).toBe('true ok-applications-unknown\n')
})

describe('plain node imports', () => {
  test.each(entries)('%s', (entry) => {
    const names = run(project, process.execPath, '--input-type=module', '-e', `await import(${JSON.stringify(entry)})`)
    expect(names).toBe('')
  })
})

test('the command vmbus starts', () => {
  expect(run(project, 'npm', 'exec', '--offline', '--', 'vmbus', '--help')).toContain('Usage: vmbus')
  expect(run(project, 'npm', 'exec', '--offline', '--', 'vmbus', '--version')).toBe('0.0.0\n')
})

test('the examples of the READMEs run against the packed packages', () => {
  const folder = join(project, 'examples')
  mkdirSync(folder)
  const examples = writeExamples(root).filter(({ example }) => example.tier === 'fast')
  expect(examples.length).toBeGreaterThan(0)
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      composite: false,
      declaration: false,
      customConditions: [],
      outDir: 'out',
      rootDir: '.',
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: ['*.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  for (const { file } of examples) writeFileSync(join(folder, file.replace(/^.*[/\\]/, '')), readFileSync(file))
  run(folder, join(root, 'node_modules/.bin/tsc'), '-p', '.')
  for (const name of readdirSync(join(folder, 'out')).filter((each) => each.endsWith('.js'))) {
    run(folder, process.execPath, join('out', name))
  }
})
