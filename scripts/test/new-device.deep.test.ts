import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './root.ts'

// "How to add a device" of CONTRIBUTING.md to the letter, in a copy of the repository: a device with a GUID of its own.

const copy = mkdtempSync(join(tmpdir(), 'vmbus-new-device-'))
const at = (path: string): string => join(copy, path)
const read = (path: string): string => readFileSync(at(path), 'utf8')

/** Ours but for what says that this is a test of the deep tier. */
const { VMBUS_TIER: _tier, VITEST: _vitest, NODE_ENV: _mode, ...env } = process.env

function run(command: string, ...argv: string[]): SpawnSyncReturns<string> {
  return spawnSync(command, argv, { cwd: copy, env, encoding: 'utf8', shell: process.platform === 'win32' })
}

/** What `npm run check` says of these steps. */
const check = (...steps: string[]): string => run('npm', 'run', '--silent', 'check', '--', ...steps).stdout

/** Puts a line before another one, and gives back what takes it away again. */
function addLine(path: string, line: string, before: string): () => void {
  const text = read(path)
  const at0 = text.indexOf(before)
  if (at0 < 0) throw new Error(`${path} has no ${before}`)
  writeFileSync(at(path), `${text.slice(0, at0)}${line}${text.slice(at0)}`)
  return () => writeFileSync(at(path), text)
}

/** Names and GUIDs of the pattern, and those of the new device. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/heartbeat/g, 'pulse'],
  [/HEARTBEAT/g, 'PULSE'],
  [/Heartbeat/g, 'Pulse'],
  [/IcType\.pulse/g, 'IcType.heartbeat'],
  [/57164f39-9115-4e78-ab55-382f3bd5422d/g, '7b1f5a0e-6f0d-4c53-9d0b-2f6c7e1a9d01'],
  [/fd149e91-82e0-4a7d-afa6-2a4166cbd7c0/g, '7b1f5a0e-6f0d-4c53-9d0b-2f6c7e1a9d02'],
]

/** Its own folder, after the pattern. */
function copyPattern(): void {
  for (const entry of readdirSync(join(root, 'packages/heartbeat'), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(join(root, 'packages/heartbeat').length + 1)
    if (!entry.isFile() || /^(node_modules|dist)\b|tsbuildinfo$|NOTICES|LICENSE/.test(path)) continue
    const text = readFileSync(join(root, 'packages/heartbeat', path), 'utf8')
    const file = at(join('packages/pulse', path.replace('heartbeat', 'pulse')))
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(
      file,
      RENAMED.reduce((changed, [from, to]) => changed.replace(from, to), text),
    )
  }
}

beforeAll(() => {
  const { stdout } = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
  for (const file of stdout.split('\0').filter((name) => name !== '')) cpSync(join(root, file), at(file))
  copyPattern()
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

test('a device that is added by the guide works, and the check names each line that is missing', () => {
  const { packageManager } = JSON.parse(read('package.json')) as { packageManager: string }
  const install = run(
    'npx',
    '--yes',
    '--loglevel=error',
    packageManager,
    'install',
    '--prefer-offline',
    '--no-frozen-lockfile',
  )
  expect({ status: install.status, text: install.stdout + install.stderr }).toMatchObject({ status: 0 })

  const missing = check('docs', 'floors')
  expect(missing).toContain('README.md: does not list packages/pulse')
  expect(missing).toContain('pulse: has no floor in scripts/floors/table.mjs')
  addLine('scripts/floors/table.mjs', "'pulse', ", "'heartbeat',")
  addLine('README.md', '| [pulse](packages/pulse) | beats |\n', '| [`@vmbus/timesync`]')
  expect(check('floors')).toContain('pulse/tsconfig.json: is not named in tsconfig.build.json')
  addLine('tsconfig.build.json', '{ "path": "packages/pulse" },\n', '{\n      "path": "packages/timesync"')
  expect(check('docs')).toContain('docs/errors.md: is out of date: npm run docs')
  expect(run('npm', 'run', '--silent', 'docs').status).toBe(0)

  expect(run('npm', 'run', '--silent', 'format').status).toBe(0)
  expect(check('format', 'docs', 'types', 'floors', 'manifests')).not.toContain('FAILED')

  const tests = run(
    process.execPath,
    'node_modules/vitest/vitest.mjs',
    'run',
    'packages/pulse',
    'scripts/test/readme.test.ts',
    '-t',
    'pulse|Pulse|beat',
  )
  expect({ status: tests.status, text: tests.stdout + tests.stderr }).toMatchObject({ status: 0 })

  // In a simulated guest, and in words in its transcript.
  writeFileSync(
    at('matrix/.examples/walk.ts'),
    `import { linux } from '@vmbus/guest-linux'
import { ws2022 } from '@vmbus/host'
import { pulse } from '@vmbus/pulse'
import { simulate } from '@vmbus/simulation'
import { createPrinter, createTranscript } from '@vmbus/trace'

const base = linux('6.1')
const generation = {
  ...base,
  load: [...base.load, { name: 'pulse', after: 10_000, kinds: ['pulse'] }],
  drivers: (services) => [...base.drivers(services), pulse.driver({})],
}
const world = simulate({ seed: 1 })
const device = pulse({})
const host = world.host(ws2022, [device])
const guest = world.guest(generation)
const transcript = createTranscript({ clock: world.clock })
const attached = guest.attach(host, { trace: transcript.sink })
await guest.until('host:pulse:beat')
console.log(host.device(attached, device).status)
console.log(transcript.entries.map(createPrinter([pulse])).join('\\n'))
`,
  )
  const walk = run(process.execPath, '--import', 'tsx', '-C', '@vmbus/source', 'matrix/.examples/walk.ts')
  expect(walk.stderr).toBe('')
  expect(walk.stdout).toMatch(/^ok-applications-unknown\n/)
  expect(walk.stdout).toMatch(/OFFER_CHANNEL \d+ pulse/)
  expect(walk.stdout).toMatch(/channel \d+ pulse heartbeat 3.0 response/)
})
