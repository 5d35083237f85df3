import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MachineError } from '@vmbus/machine-v86'
import { main } from '@vmbus/matrix'
import { eventLine, eventLines } from '../src/commands/boot/event-line.ts'
import { failure } from '../src/commands/failure.ts'
import { afterAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'vmbus-cli-'))
const text = join(folder, 'notes.txt')
const cut = join(folder, 'cut.deb')
writeFileSync(text, 'not a kernel\n')
writeFileSync(cut, '!<arch>\ndebian-binary   0           0     0     100644  4         `\n2.')
afterAll(() => rmSync(folder, { recursive: true }))

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const streams = { out: (part: string) => void (out += part), err: (part: string) => void (err += part) }
  return { code: await main(argv, streams, new AbortController().signal), out, err }
}

/** The lines for a person that are not progress. */
const complaint = (err: string): string[] =>
  err.split('\n').filter((line) => line !== '' && !/^[^\s:]*vmbus[^\s:]* .* on /.test(line))

describe('bad input gets one clear line and exit code 2', () => {
  const cases: readonly (readonly [name: string, argv: readonly string[], line: RegExp])[] = [
    [
      'an unknown host',
      ['boot', '--release', 'debian-12', '--host', 'ws1999'],
      /unknown host: ws1999 \(one of ws2008, .*ws2025.*VMBUS_USAGE/,
    ],
    ['no host', ['boot', '--release', 'debian-12'], /--host <id>.*not specified/],
    ['no image', ['boot', '--host', 'ws2022'], /give one of --release, --deb, or --kernel/],
    ['two images', ['boot', '--host', 'ws2022', '--release', 'debian-12', '--deb', text], /give one of/],
    [
      'an unknown release',
      ['boot', '--host', 'ws2022', '--release', 'debian-99'],
      /unknown release: debian-99 \(one of debian-11, debian-12\)/,
    ],
    [
      'an unknown flavour',
      ['boot', '--host', 'ws2022', '--release', 'debian-12', '--flavour', 'amd64'],
      /unknown flavour: amd64/,
    ],
    [
      'a kernel without its initrd',
      ['boot', '--host', 'ws2022', '--kernel', text],
      /--kernel and --initrd go together/,
    ],
    [
      'a missing file',
      ['boot', '--host', 'ws2022', '--kernel', join(folder, 'none'), '--initrd', text],
      /cannot read .*none.*VMBUS_IMAGE_MISSING/,
    ],
    ['not a kernel', ['boot', '--host', 'ws2022', '--kernel', text, '--initrd', text], /VMBUS_IMAGE_NOT_A_KERNEL/],
    [
      'not a duration',
      ['boot', '--host', 'ws2022', '--release', 'debian-12', '--for', '1 fortnight'],
      /not a duration/,
    ],
    ['not a seed', ['boot', '--host', 'ws2022', '--release', 'debian-12', '--seed', '-1'], /not a seed/],
    [
      'a duration beyond every clock',
      ['boot', '--host', 'ws2022', '--release', 'debian-12', '--for', '9'.repeat(400)],
      /not a duration: 9+ is more than a year/,
    ],
    [
      'an initrd for a kernel that has its own',
      ['boot', '--host', 'ws2022', '--release', 'debian-12', '--initrd', text],
      /--kernel and --initrd go together/,
    ],
    [
      'a device that only an object has',
      ['boot', '--host', 'ws2022', '--release', 'debian-12', '--devices', 'toString'],
      /unknown device: toString \(one of .*netvsc/,
    ],
    [
      'a time and a script',
      ['boot', '--host', 'ws2022', '--release', 'debian-12', '--for', '5s', '--script', text],
      /give one of --for, --script and --interactive/,
    ],
    [
      'a script that is not there',
      ['boot', '--host', 'ws2022', '--release', 'debian-12', '--script', join(folder, 'none')],
      /cannot read .*none.*ENOENT/,
    ],
    [
      'a report that cannot be written',
      ['boot', '--host', 'ws2022', '--release', 'debian-12', '--json', join(folder, 'none', 'r.json')],
      /cannot write .*r\.json.*ENOENT/,
    ],
    [
      'a transcript that cannot be written',
      ['boot', '--host', 'ws2022', '--release', 'debian-12', '--trace', folder],
      /cannot write .*EISDIR/,
    ],
    [
      'a report and a transcript in one file',
      ['boot', '--host', 'ws2022', '--release', 'debian-12', '--json', join(folder, 'r'), '--trace', join(folder, 'r')],
      /--json and --trace name the same file/,
    ],
    ['an unknown command', ['frobnicate'], /unknown command/],
    ['an unknown option', ['boot', '--host', 'ws2022', '--warp'], /unknown option/],
  ]
  it.each(cases)('%s', async (_, argv, line) => {
    const { code, err, out } = await run(...argv)
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(complaint(err)).toHaveLength(1)
    expect(complaint(err)[0]).toMatch(line)
    // Nothing was run, and nothing is left of what would have been written.
    expect(readdirSync(folder).sort()).toEqual(['cut.deb', 'notes.txt'])
  })

  it('no image to be had: an offline folder without it', async () => {
    const before = process.env['VMBUS_IMAGES']
    process.env['VMBUS_IMAGES'] = folder
    try {
      for (const source of [
        ['--release', 'debian-12'],
        ['--deb', cut],
      ]) {
        const { code, err } = await run('boot', '--host', 'ws2022', ...source)
        expect(code).toBe(2)
        expect(complaint(err)[0]).toMatch(/VMBUS_IMAGE_UNAVAILABLE/)
      }
    } finally {
      if (before === undefined) delete process.env['VMBUS_IMAGES']
      else process.env['VMBUS_IMAGES'] = before
    }
  })

  it('an error without a code keeps its words', () => {
    expect(failure(new Error('EACCES: permission denied'))).toEqual({
      line: 'vmbus: EACCES: permission denied',
      exitCode: 3,
    })
  })

  it.each([
    ['a guest that does not come up', 'VMBUS_MACHINE_TIMEOUT', 1],
    ['a guest that ends while it boots', 'VMBUS_MACHINE_ENDED', 1],
    ['an image cache that somebody holds', 'VMBUS_IMAGE_CACHE', 2],
    ['another build of the emulator', 'VMBUS_V86_UNSUPPORTED', 2],
    ['an emulator that does not ask its host', 'VMBUS_V86_SELF_CHECK', 3],
    ['a worker that failed', 'VMBUS_MACHINE_STOPPED', 3],
  ] as const)('%s has its exit code', (_, code, exitCode) => {
    expect(failure(new MachineError(code, 'what happened'))).toEqual({
      line: `vmbus: what happened (${code})`,
      exitCode,
    })
  })

  it('the version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect(await run('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' })
  })

  it("a crash report's 64-bit numbers are told", () => {
    const line = eventLine({ name: 'crashed', at: 25_000_000, detail: { parameters: [0xffff_8000_0000_0001n] } })
    expect(line).toContain('2.500 s')
    expect(line).toContain('crashed')
    expect(line).toContain('{"parameters":["0xffff800000000001"]}')
  })

  it('progress is bounded, in a line and in lines', () => {
    expect(eventLine({ name: 'kvp:items', at: 0, detail: 'x'.repeat(10_000) }).length).toBeLessThan(500)
    const lines: string[] = []
    const tell = eventLines((line) => void lines.push(line))
    for (let i = 0; i < 1000; i++) tell({ name: 'netvsc:filter', at: 50_000_000 + i })
    tell({ name: 'other', at: 50_000_000 })
    tell({ name: 'netvsc:filter', at: 60_000_000 })
    expect(lines).toHaveLength(23)
    expect(lines[20]).toBe('more of netvsc:filter in this second, not shown')
    expect(lines[22]).toContain('6.000 s')
  })

  it('help is not an error', async () => {
    const { code, out } = await run('boot', '--help')
    expect(code).toBe(0)
    expect(out).toContain('--release <name>')
  })
})
