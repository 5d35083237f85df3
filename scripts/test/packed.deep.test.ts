import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cellsOf } from '../../matrix/src/results/read.ts'
import { parseResults } from '../../matrix/src/results/file.ts'
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
  run(root, join(bin, 'pnpm'), '--filter', '@vmbus/*', 'pack', '--pack-destination', tarballs)
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

describe('a package of a user, with a device, hosts, guests and a probe of its own', () => {
  const toy = join(project, 'toy-device')
  const vmbus = (...args: string[]): string => run(toy, 'npm', 'exec', '--offline', '--', 'vmbus', ...args)
  const own = ['--config', 'dist/vmbus.config.js']
  const cells = ['--release', 'toyos*,debian 12', '--host', 'lab*,ws2022', '--feature', 'toy.echo', '--runs', '5']

  beforeAll(() => {
    const from = join(root, 'matrix/examples/toy-device')
    cpSync(from, toy, { recursive: true, filter: (path) => !/[/\\](?:node_modules|dist)$/.test(path) })
    run(toy, join(root, 'node_modules/.bin/tsc'), '-p', 'tsconfig.build.json')
  })

  test('is measured: its cells are what its README says', () => {
    vmbus('matrix', ...own, ...cells, '--json', 'toy.json', '--html', 'toy.html', '--quiet')
    const results = parseResults(readFileSync(join(toy, 'toy.json'), 'utf8'), 'toy.json')
    const said = [...cellsOf(results)].map(({ release, host, index }) => {
      const { outcome, verdict } = results.stories[index] ?? {}
      return `${release.key} on ${host.id}: ${outcome}, ${verdict}`
    })
    expect(said).toEqual([
      'debian 12 on ws2022: not-offered, not-covered',
      'debian 12 on lab-1: no-driver, not-covered',
      'debian 12 on lab-2: no-driver, not-covered',
      'toyos 0.9 on ws2022: not-offered, not-covered',
      'toyos 0.9 on lab-1: fails, not-covered',
      'toyos 0.9 on lab-2: fails, not-covered',
      'toyos 1.0 on ws2022: not-offered, not-covered',
      'toyos 1.0 on lab-1: works, not-covered',
      'toyos 1.0 on lab-2: works, not-covered',
      'toyos 2.0 on ws2022: not-offered, not-covered',
      'toyos 2.0 on lab-1: fails, not-covered',
      'toyos 2.0 on lab-2: works, not-covered',
    ])
    expect(readFileSync(join(toy, 'toy.html'), 'utf8')).toContain('</html>')
  })

  test('is explained, and its control turns it red', () => {
    const words = (text: string): string => text.replaceAll(/\s+/g, ' ')
    expect(words(vmbus('explain', ...own, 'toyos', '2.0', 'lab-1', 'toy.echo'))).toContain(
      "fails: guest and host have no version of it in common. It is decided by one value: the guest's toy.echo is 2",
    )
    expect(words(vmbus('control', ...own, 'toy.echo', '--release', 'toyos 1.0', '--host', 'lab-1'))).toContain(
      'toyos 1.0 on Lab host 1: works. Without toy.echo: no-driver',
    )
  })

  test('is measured anew when its code is another, whatever the cache has', () => {
    const file = join(toy, 'dist/src/device.js')
    const code = readFileSync(file, 'utf8')
    const explained = (): string => vmbus('explain', ...own, 'toyos', '1.0', 'lab-1', 'toy.echo')
    expect(explained()).toContain('on Lab host 1: works.')
    writeFileSync(file, code.replaceAll('echo.driver({ versions })', 'echo.driver({ versions: [] })'))
    expect(explained()).toContain('on Lab host 1: fails')
    writeFileSync(file, code)
    expect(explained()).toContain('on Lab host 1: works.')
  })

  test('has its configuration run as TypeScript by a Node that does, and else is told what to do', () => {
    const runsTypeScript = 'typescript' in process.features && process.features.typescript !== false
    const found = spawnSync('npm', ['exec', '--offline', '--', 'vmbus', 'hosts', 'lab*'], {
      cwd: toy,
      encoding: 'utf8',
      shell: windows,
    })
    if (runsTypeScript) expect(found.stdout).toContain('Lab host 2')
    else
      expect(found).toMatchObject({
        status: 2,
        stderr:
          `vmbus: ${join(realpathSync(toy), 'vmbus.config.ts')}: Node ${process.versions.node} does not run TypeScript here: ` +
          'call it vmbus.config.mjs, or use Node 22.18 or newer (VMBUS_CONFIG_IMPORT)\n',
      })
  })
})
