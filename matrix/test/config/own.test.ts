import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HEARTBEAT_INTERFACE } from '@vmbus/heartbeat/protocol'
import { afterAll, describe, expect, test } from 'vitest'
import { defineConfig, type VmbusConfig } from '../../src/config/index.ts'
import { configDigest } from '../../src/config/digest.ts'
import { checkConfig, loadRegistry } from '../../src/config/load.ts'
import { isGuest } from '../../src/guests/guests.ts'
import { OURS, hostNamed, type Registry } from '../../src/registry/registry.ts'
import { registryOf } from '../../src/registry/own.ts'
import { execute } from '../../src/run/execute.ts'

const read = <T>(value: T) => ({ value, basis: 'source-read', source: 'here' }) as const
const known = (config: VmbusConfig): Registry =>
  registryOf(checkConfig(config, 'vmbus.config.ts'), { path: 'vmbus.config.ts', digest: '' }, OURS)

async function outcomeOf(
  registry: Registry,
  id: string,
  release: string,
  host: string,
  isWithout = false,
): Promise<unknown> {
  const guest = registry.guestOf(release)
  const [profile, probe] = [hostNamed(registry, host), registry.probes.find((each) => each.id === id)]
  if (!isGuest(guest) || profile === undefined || probe === undefined) throw new Error(`${id}, ${release}, ${host}`)
  const change = isWithout ? { change: probe.control } : {}
  const played = { id: 'x', probe, guest, profile, registry, seed: 5, runs: 2 }
  const { outcome, decidedBy } = await execute({ ...played, ...change })
  return [outcome, decidedBy?.of, decidedBy?.field]
}

describe('a delta of a host', () => {
  // VMBus 4.0 and 5.0 as the wire has them: major number above 16 bits.
  const registry = known(
    defineConfig({
      hosts: [
        { id: 'no-trim', name: 'No TRIM', like: 'ws2022', fields: { trim: read(false) } },
        { id: 'old-bus', name: 'Old bus', like: 'ws2022', fields: { vmbus: read([0x0_000d]) } },
        { id: 'no-copy', name: 'No copy', like: 'ws2022', fields: { fcopy: read([]) } },
      ],
    }),
  )

  test.each([
    ['trim', 'no-trim', ['not-offered', 'host', 'trim']],
    ['trim', 'ws2022', ['works', undefined, undefined]],
    ['kvp', 'no-trim', ['works', undefined, undefined]],
    // The last kernel with 0.13 is 5.17 (commit a6b94c6b4919), and Debian 12 has 6.1.
    ['kvp', 'old-bus', ['fails', 'guest', 'vmbus']],
    ['file-copy', 'no-copy', ['not-offered', 'host', 'fcopy']],
  ])('%s on %s', async (probe, host, expected) => {
    expect(await outcomeOf(registry, probe, 'debian 12', host)).toEqual(expected)
  })

  test('says how each value is known: its own as it says, the others inferred', () => {
    const host = hostNamed(registry, 'no-trim') ?? expect.unreachable()
    const fields = registry.hostFields(host)
    expect(fields['trim']).toEqual(read(false))
    expect(fields['build']?.value).toEqual([10, 0, 20348])
    expect(fields['vss']?.basis).not.toBe('real')
  })
})

describe('a delta of a guest', () => {
  /** Takes the channel and never answers. */
  const silent = {
    offered: (channel: { open(pages: { outPages: number; inPages: number }): void }) =>
      channel.open({ outPages: 2, inPages: 2 }),
    opened() {},
    readable() {},
    rescinded() {},
    save: () => null,
    restore() {},
    inspect: () => ({}),
  }
  const registry = known(
    defineConfig({
      guests: [
        { name: 'toyos 1.0', like: 'debian 12', fields: { kvp: read(undefined) } },
        { name: 'toyos 2.0', like: 'windows server 2022', fields: { fcopy: read(undefined) } },
        {
          name: 'toyos 3.0',
          like: 'debian 12',
          drivers: {
            heartbeat: () => ({ kind: 'heartbeat', interfaceIds: [HEARTBEAT_INTERFACE], create: () => silent }),
          },
        },
      ],
    }),
  )

  test.each([
    ['kvp', 'toyos 1.0', ['no-driver', 'guest', 'kvp']],
    ['file-copy', 'toyos 1.0', ['works', undefined, undefined]],
    ['file-copy', 'toyos 2.0', ['no-driver', 'guest', 'fcopy']],
    ['kvp', 'toyos 2.0', ['works', undefined, undefined]],
    // A driver of its own in the place of ours, for the probes that read its field.
    ['core', 'toyos 3.0', ['fails', 'guest', 'heartbeat']],
    ['kvp', 'toyos 3.0', ['works', undefined, undefined]],
  ])('%s of %s', async (probe, release, expected) => {
    expect(await outcomeOf(registry, probe, release, 'ws2022')).toEqual(expected)
  })
})

describe('the digest of a configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmbus-digest-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const write = (path: string, text: string): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  write('mine/package.json', JSON.stringify({ dependencies: { linked: '*', installed: '*' } }))
  write('mine/config/vmbus.config.mjs', 'export default {}')
  write('mine/src/device.js', '1')
  write('mine/node_modules/installed/package.json', JSON.stringify({ version: '1.0.0' }))
  write('linked/package.json', '{}')
  write('linked/index.js', '1')
  symlinkSync(join(folder, 'linked'), join(folder, 'mine/node_modules/linked'), 'junction')
  const digest = (): string => configDigest(join(folder, 'mine/config/vmbus.config.mjs'))

  test.each([
    ['the file itself', 'mine/config/vmbus.config.mjs', 'export default { probes: [] }'],
    ['code of its package', 'mine/src/device.js', '2'],
    ['code that is new in it', 'mine/src/deep/probe.ts', '1'],
    ['code of a package that is linked', 'linked/index.js', '2'],
    ['the version of one that is installed', 'mine/node_modules/installed/package.json', '{"version":"1.0.1"}'],
  ])('is another with %s', (_, path, text) => {
    const before = digest()
    expect(digest()).toBe(before)
    write(path, text)
    expect(digest()).not.toBe(before)
  })

  test('is the same whatever else changes', () => {
    const before = digest()
    write('mine/README.md', 'words')
    write('mine/src/device.d.ts', 'export {}')
    write('mine/node_modules/installed/index.js', '2')
    expect(digest()).toBe(before)
  })

  test('is the same where the package is elsewhere, as on another machine', () => {
    cpSync(join(folder, 'mine'), join(folder, 'elsewhere/mine'), { recursive: true, verbatimSymlinks: true })
    expect(configDigest(join(folder, 'elsewhere/mine/config/vmbus.config.mjs'))).toBe(digest())
  })
})

describe('the configuration of the README', () => {
  const matrix = fileURLToPath(new URL('../..', import.meta.url))
  // Beside the other examples, from where the packages are found.
  const folder = mkdtempSync(join(matrix, '.examples-config-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  test('measures what it says', async () => {
    const blocks = readFileSync(join(matrix, 'README.md'), 'utf8').split(/^```(?:ts)?\n/m)
    const code = blocks.find((block) => block.includes('defineConfig({')) ?? expect.unreachable()
    writeFileSync(join(folder, 'vmbus.config.ts'), code)
    const registry = await loadRegistry(join(folder, 'vmbus.config.ts'))
    expect(await outcomeOf(registry, 'my.beats', 'myos 1.0', 'lab')).toEqual(['works', undefined, undefined])
    expect(await outcomeOf(registry, 'my.beats', 'myos 1.0', 'lab', true)).toEqual(['fails', 'guest', 'my.patience'])
    expect(await outcomeOf(registry, 'my.beats', 'freebsd 14.1', 'ws2019')).toEqual(['works', undefined, undefined])
    expect(await outcomeOf(registry, 'trim', 'myos 1.0', 'lab')).toEqual(['not-offered', 'host', 'trim'])
    expect(await outcomeOf(registry, 'file-copy', 'myos 1.0', 'lab')).toEqual(['no-driver', 'guest', 'fcopy'])
  })
})
