import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main } from '@vmbus/matrix'
import { afterAll, expect, it } from 'vitest'
import type { BootReport } from '../src/real/boot-report.ts'

const folder = mkdtempSync(join(tmpdir(), 'vmbus-script-'))
afterAll(() => rmSync(folder, { recursive: true }))

const DEVICES = 'kvp,vss,fcopy,balloon,netvsc,storvsc'

async function scripted(...lines: readonly string[]) {
  const [script, json] = [join(folder, 'script'), join(folder, 'report.json')]
  writeFileSync(script, lines.join('\n'))
  rmSync(json, { force: true })
  let [out, err] = ['', '']
  const streams = { out: (part: string) => void (out += part), err: (part: string) => void (err += part) }
  const argv = ['boot', '--release', 'debian-12', '--host', 'ws2022', '--devices', DEVICES, '--quiet']
  const code = await main([...argv, '--script', script, '--json', json], streams, new AbortController().signal)
  return { code, out, err, report: JSON.parse(readFileSync(json, 'utf8')) as BootReport }
}

it(
  'a script does all that the verbs say to a real guest, and tells of what takes long',
  { timeout: 300_000 },
  async () => {
    const file = join(folder, 'file')
    writeFileSync(file, new Uint8Array(3 << 20).fill(0x61))
    const { code, out, err, report } = await scripted(
      '# keys',
      'key-set role web server',
      "exec tr -d '\\000' < /var/lib/hyperv/.kvp_pool_0",
      'keys external',
      'key-delete role',
      'keys auto',
      `copy ${file} /srv/new/copy`,
      'exec wc -c < /srv/new/copy',
      'backup',
      'exec echo written meanwhile > /dev/sda',
      'backup-merge',
      'exec head -c 17 /dev/sda',
      'disk-add 16M',
      'wait 1s',
      'disk-resize 1 32M',
      'disk-remove 1',
      'network-link down',
      'network-link up',
      'network-remove',
      'network-add',
      'wait 45s',
      'memory-take 8M',
      'memory-give 4M',
      'shutdown',
    )
    expect(err).not.toContain('VMBUS_VERB')
    expect(code).toBe(0)
    expect(out).toContain('roleweb server\n')
    expect(out).toContain('{"key":"role","type":"string","value":"web server"}')
    expect(out).toMatch(/"key":"OSBuildNumber","type":"string","value":"6\.1\./)
    // An empty line is what the command that writes to the disk said.
    expect(out).toContain('disk 0 as it was: in memory\n\ndone\nwritten meanwhile\n')
    expect(out).toContain(`\n${3 << 20}\n`)
    expect(out).toContain('"asked":2048,"done":2048')
    expect(out).toContain('"asked":1024,"done":1024')
    expect(out).toContain('the guest ended with poweroff')
    // A 3 MiB copy tells its progress, a backup its stages.
    expect(err.match(/fcopy:progress/g)?.length).toBeGreaterThan(2)
    expect(err).toMatch(/vss:frozen[^]*vss:thawed/)
    expect(report).toMatchObject({ outcome: 'works', end: 'poweroff', devices: { balloon: { balloonedPages: 1024 } } })
  },
)

it(
  'a script ends at the first line that fails: the report is written, the exit code is 1',
  { timeout: 300_000 },
  async () => {
    const { code, out, err, report } = await scripted('key-delete none', 'exec echo not reached')
    expect(code).toBe(1)
    expect(err).toMatch(/\nvmbus: key-delete none: .*0x80070103 \(VMBUS_VERB\)\n$/)
    expect(out).not.toContain('not reached')
    expect(out).toContain('works: connected')
    expect(report).toMatchObject({ outcome: 'works', end: 'poweroff' })
  },
)

it(
  'a line that the host or a device refuses is told with its code, and the guest is powered off',
  { timeout: 300_000 },
  async () => {
    const image = join(folder, 'odd image')
    writeFileSync(image, new Uint8Array(300_000))
    const odd = await scripted(`disk-add "${image}"`, 'exec echo not reached')
    expect(odd.code).toBe(1)
    expect(odd.err).toMatch(/\nvmbus: disk-add .*300000 bytes are not a number of sectors of 512 .*VMBUS_VERB\)\n$/)
    expect(odd.out).not.toContain('not reached')
    expect(odd.report).toMatchObject({ outcome: 'works', end: 'poweroff' })

    const absent = await scripted('network-remove', 'network-link up')
    expect(absent.code).toBe(1)
    expect(absent.err).toMatch(/\nvmbus: network-link up: no adapter: it was removed \(VMBUS_VERB\)\n$/)
    // What the adapter negotiated, of the time when it was there.
    expect(absent.report.devices['netvsc']).toMatchObject({ version: '6.1', initialized: true })
    const second = await scripted('network-add')
    expect(second.err).toMatch(/\nvmbus: network-add: the adapter is there \(VMBUS_VERB\)\n$/)
  },
)
