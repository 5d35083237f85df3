import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cached, writeWhole } from '../src/image/cache.ts'
import { withLock } from '../src/image/lock.ts'
import { ownedName } from '../src/image/process-name.ts'
import { resolvePackages } from '../src/image/packages.ts'
import { codeOf } from './support/errors.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmbus-cache-'))
})
afterEach(async () => rm(folder, { recursive: true, force: true }))

/** A process number that is free again. */
async function gonePid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await new Promise((resolve) => child.on('exit', resolve))
  return child.pid ?? 0
}
const PLACE = 0
const PID = 1
const START = 2
const nameWith = (changes: Readonly<Record<number, string>>): string =>
  ownedName()
    .split('.')
    .map((part, index) => changes[index] ?? part)
    .join('.')
const longAgo = new Date(Date.now() - 120_000)

describe('withLock', () => {
  it('lets one in at a time', async () => {
    let inside = 0
    const work = async (): Promise<void> => {
      expect(++inside).toBe(1)
      await new Promise((resolve) => setTimeout(resolve, 5))
      inside--
    }
    await Promise.all([1, 2, 3, 4].map(() => withLock(folder, work)))
    expect([inside, await readdir(folder)]).toEqual([0, []])
  })

  it('takes no notice of a process that is gone, or of another one with its number', async () => {
    for (const name of [nameWith({ [PID]: String(await gonePid()) }), nameWith({ [START]: '1' })]) {
      await writeFile(join(folder, name), '')
      expect(await withLock(folder, async () => readdir(folder))).toHaveLength(1)
      expect(await readdir(folder)).toEqual([])
    }
  })

  it('takes a place that it cannot see into for dead only when it has long not renewed its file', async () => {
    const theirs = join(folder, nameWith({ [PLACE]: '00000000', [PID]: '77' }))
    await writeFile(theirs, '')
    const waits: string[] = []
    const wait = { limitMs: 300, waiting: (who: string) => void waits.push(who) }
    expect(await codeOf(() => withLock(folder, async () => 'in', wait))).toBe('VMBUS_IMAGE_CACHE')
    expect(waits).toEqual(['process 77 of another machine or container'])
    await utimes(theirs, longAgo, longAgo)
    expect(await withLock(folder, async () => 'in')).toBe('in')
  })

  it('says for whom it waits, gives up in time, and hears an abort', async () => {
    let release = (): void => undefined
    const held = withLock(folder, () => new Promise<void>((resolve) => (release = resolve)))
    while ((await readdir(folder)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const waits: string[] = []
    const waiting = (who: string): void => void waits.push(who)
    expect(await codeOf(() => withLock(folder, async () => 'in', { waiting, limitMs: 400 }))).toBe('VMBUS_IMAGE_CACHE')
    expect(waits).toEqual([`process ${process.pid}`])
    const controller = new AbortController()
    const late = codeOf(() => withLock(folder, async () => 'in', { signal: controller.signal }))
    controller.abort()
    expect(await late).toBe('VMBUS_MACHINE_STOPPED')
    expect(await readdir(folder)).toHaveLength(1)
    release()
    await held
  })

  it('tells why it cannot be had', async () => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    expect(await codeOf(() => withLock(file, async () => 'in'))).toBe('VMBUS_IMAGE_CACHE')
    expect(await codeOf(() => withLock(join(file, 'below'), async () => 'in'))).toBe('VMBUS_IMAGE_CACHE')
  })
})

describe('cached', () => {
  it('makes a damaged entry anew', async () => {
    let made = 0
    const make = async (): Promise<Uint8Array> => Buffer.from(`value ${++made}`)
    const read = async (): Promise<string> => Buffer.from(await cached(folder, 'entry', make)).toString()
    expect([await read(), await read()]).toEqual(['value 1', 'value 1'])
    const path = join(folder, 'entry')
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.from('!')]))
    expect(await read()).toBe('value 2')
  })

  it('gives what it cannot keep', async () => {
    await writeFile(join(folder, 'file'), '')
    expect(await cached(folder, 'file/entry', async () => Uint8Array.of(7))).toEqual(Uint8Array.of(7))
  })
})

describe('writeWhole', () => {
  it('leaves nothing of a file that cannot be written, and says why', async () => {
    await mkdir(join(folder, 'taken', 'below'), { recursive: true })
    expect(await codeOf(() => writeWhole(join(folder, 'taken'), 'x'))).toBe('VMBUS_IMAGE_CACHE')
    expect(await readdir(folder)).toEqual(['taken'])
  })

  it('removes what killed processes left half written, and nothing of the living', async () => {
    const dead = `${nameWith({ [PID]: String(await gonePid()) })}.partial`
    const reused = `${nameWith({ [START]: '1' })}.partial`
    const alive = `${ownedName()}.partial`
    await writeFile(join(folder, dead), 'half')
    await mkdir(join(folder, reused, 'downloads'), { recursive: true })
    await writeFile(join(folder, alive), 'half')
    await writeWhole(join(folder, 'whole'), 'all of it')
    expect((await readdir(folder)).sort()).toEqual([alive, 'whole'].sort())
  })
})

describe('a set of packages that means nothing', () => {
  it('is fetched again where apt can be asked', async () => {
    const path = process.env['PATH']
    process.env['PATH'] = folder
    try {
      const request = { release: 'debian-12', flavour: '686', packages: [], cacheFolder: folder } as const
      const unavailable = await codeOf(() => resolvePackages(request))
      await mkdir(join(folder, 'sets'))
      // The name is that of busybox-static alone, as apt and we would have left it.
      await writeFile(join(folder, 'sets', 'debian-12-686-924dda0664b9.json'), '')
      expect([unavailable, await codeOf(() => resolvePackages(request))]).toEqual([
        'VMBUS_IMAGE_UNAVAILABLE',
        'VMBUS_IMAGE_UNAVAILABLE',
      ])
    } finally {
      process.env['PATH'] = path
    }
  })
})
