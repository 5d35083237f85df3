import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { boot, defaultCacheFolder, prepareImage } from '../src/index.ts'
import { aptSources } from '../src/image/apt.ts'
import { sha256 } from '../src/image/cache.ts'
import { resolvePackages } from '../src/image/packages.ts'
import { codeOf } from './support/errors.ts'
import { bzImage, kernelElf } from './support/kernel.ts'
import { kernelModule } from './support/module.ts'
import { ar, tar, tarEntry } from './support/tar.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmbus-image-'))
})
afterAll(async () => rm(folder, { recursive: true, force: true }))

const deb = (...entries: readonly Uint8Array[]): Uint8Array =>
  ar(['debian-binary', Buffer.from('2.0\n')], ['data.tar.gz', gzipSync(tar(...entries))])
const kernelDeb = deb(
  tarEntry('./boot/vmlinuz-6.1', bzImage(kernelElf())),
  tarEntry('./lib/modules/6.1/kernel/hv_vmbus.ko', kernelModule('name=hv_vmbus', 'depends=')),
)
const busyboxDeb = deb(tarEntry('./bin/busybox', 'BUSYBOX', { mode: '0000755' }))

/** An offline folder as apt and we would have left it. */
async function offlineFolder(name: string, packages: readonly string[] = ['busybox-static']): Promise<string> {
  const root = join(folder, name)
  await mkdir(join(root, 'debs'), { recursive: true })
  await mkdir(join(root, 'sets'), { recursive: true })
  await writeFile(join(root, 'debs', 'kernel.deb'), kernelDeb)
  await writeFile(join(root, 'debs', 'busybox.deb'), busyboxDeb)
  const set = {
    version: 1,
    kernel: { package: 'linux-image-6.1', file: 'kernel.deb', sha256: sha256(kernelDeb) },
    userland: [{ package: 'busybox-static', file: 'busybox.deb', sha256: sha256(busyboxDeb) }],
  }
  await writeFile(
    join(root, 'sets', `debian-12-686-${sha256(packages.join(' ')).slice(0, 12)}.json`),
    JSON.stringify(set),
  )
  return root
}

const request = (offline: string) =>
  ({
    release: 'debian-12',
    flavour: '686',
    packages: [],
    cacheFolder: join(folder, 'cache'),
    offlineFolder: offline,
  }) as const

describe('resolvePackages', () => {
  it('reads an offline folder without apt, and checks digests', async () => {
    const root = await offlineFolder('good')
    const packages = await resolvePackages(request(root))
    expect(packages.kernel.package).toBe('linux-image-6.1')
    expect((await packages.read(packages.kernel)).length).toBe(kernelDeb.length)
    await writeFile(join(root, 'debs', 'kernel.deb'), Buffer.concat([kernelDeb, Buffer.from('x')]))
    expect(await codeOf(() => packages.read(packages.kernel))).toBe('VMBUS_IMAGE_DIGEST')
    await rm(join(root, 'debs', 'kernel.deb'))
    expect(await codeOf(() => packages.read(packages.kernel))).toBe('VMBUS_IMAGE_MISSING')
  })

  it('says what an offline folder lacks', async () => {
    expect(await codeOf(() => resolvePackages(request(join(folder, 'empty'))))).toBe('VMBUS_IMAGE_UNAVAILABLE')
    const root = await offlineFolder('broken')
    const set = join(root, 'sets', `debian-12-686-${sha256('busybox-static').slice(0, 12)}.json`)
    const file = { package: 'linux-image-6.1', file: 'kernel.deb', sha256: '00' }
    for (const damaged of [
      '{',
      'null',
      '[]',
      JSON.stringify({ version: 1, kernel: 5, userland: [] }),
      JSON.stringify({ version: 1, kernel: { ...file, file: '../kernel.deb' }, userland: [] }),
      JSON.stringify({ version: 1, kernel: file, userland: [7] }),
      JSON.stringify({ version: 2, kernel: file, userland: [] }),
    ]) {
      await writeFile(set, damaged)
      expect([damaged, await codeOf(() => resolvePackages(request(root)))]).toEqual([damaged, 'VMBUS_IMAGE_FORMAT'])
    }
    expect(await codeOf(() => resolvePackages({ ...request(root), release: 'debian-3' as 'debian-12' }))).toBe(
      'VMBUS_IMAGE_UNAVAILABLE',
    )
  })

  it("tries each of the machine's mirrors with and without updates", () => {
    const mirrors = [
      'http://mirror.example/debian/',
      'http://updates.example/debian-security/',
      'https://other.example/debian',
    ]
    expect(aptSources('debian-11', mirrors)).toEqual([
      {
        name: 'mirror.example-security',
        lines: [
          'http://mirror.example/debian bullseye main',
          'http://updates.example/debian-security bullseye-security main',
        ],
      },
      { name: 'mirror.example', lines: ['http://mirror.example/debian bullseye main'] },
      {
        name: 'other.example-security',
        lines: [
          'https://other.example/debian bullseye main',
          'http://updates.example/debian-security bullseye-security main',
        ],
      },
      { name: 'other.example', lines: ['https://other.example/debian bullseye main'] },
    ])
    expect(aptSources('debian-12', [])).toEqual([])
  })
})

describe('prepareImage', () => {
  it('takes a kernel and an initial RAM disk as they are', async () => {
    const kernel = join(folder, 'vmlinuz')
    const initrd = join(folder, 'initrd')
    await writeFile(kernel, bzImage(kernelElf()))
    await writeFile(initrd, 'cpio')
    const image = await prepareImage({ kernel, initrd })
    expect([image.agent, image.modules, image.name]).toEqual([false, [], 'vmlinuz'])
    expect(image.digest).toBe(sha256(sha256(image.bzImage), sha256(image.initrd)))
  })

  it('names a missing file', async () => {
    const missing = join(folder, 'nothing')
    expect(await codeOf(() => prepareImage({ kernel: missing, initrd: missing }))).toBe('VMBUS_IMAGE_MISSING')
    const before = process.env['VMBUS_IMAGES']
    process.env['VMBUS_IMAGES'] = join(folder, 'no-packages-either')
    try {
      expect(await codeOf(() => prepareImage({ deb: missing }))).toBe('VMBUS_IMAGE_MISSING')
    } finally {
      if (before === undefined) delete process.env['VMBUS_IMAGES']
      else process.env['VMBUS_IMAGES'] = before
    }
  })

  it('unpacks packages from an offline folder, with the modules asked for', async () => {
    const before = process.env['VMBUS_IMAGES']
    process.env['VMBUS_IMAGES'] = await offlineFolder('images')
    try {
      const options = { cacheFolder: join(folder, 'cache2'), modules: ['hv_vmbus'] }
      const image = await prepareImage({ release: 'debian-12' }, options)
      expect([image.agent, image.modules]).toEqual([true, ['hv_vmbus']])
      expect((await prepareImage({ release: 'debian-12' }, options)).digest).toBe(image.digest)
      expect(await codeOf(() => prepareImage({ release: 'debian-12' }, { ...options, modules: ['no_such'] }))).toBe(
        'VMBUS_IMAGE_NO_MODULE',
      )
      const own = join(folder, 'own.deb')
      await writeFile(own, kernelDeb)
      expect((await prepareImage({ deb: own }, options)).digest).toBe(image.digest)
      await writeFile(own, busyboxDeb)
      expect(await codeOf(() => prepareImage({ deb: own }, options))).toBe('VMBUS_IMAGE_NOT_A_KERNEL')
    } finally {
      if (before === undefined) delete process.env['VMBUS_IMAGES']
      else process.env['VMBUS_IMAGES'] = before
    }
  })

  it('hears an abort while it unpacks', async () => {
    const before = process.env['VMBUS_IMAGES']
    process.env['VMBUS_IMAGES'] = await offlineFolder('aborted')
    try {
      const controller = new AbortController()
      const options = { cacheFolder: join(folder, 'cache3'), signal: controller.signal }
      const preparing = codeOf(() => prepareImage({ release: 'debian-12' }, options))
      controller.abort()
      expect(await preparing).toBe('VMBUS_MACHINE_STOPPED')
      expect(existsSync(join(folder, 'cache3'))).toBe(false)
    } finally {
      if (before === undefined) delete process.env['VMBUS_IMAGES']
      else process.env['VMBUS_IMAGES'] = before
    }
  })

  it('keeps its cache where the desktop rules say', () => {
    expect(defaultCacheFolder({ XDG_CACHE_HOME: '/c' })).toBe('/c/vmbus')
    expect(defaultCacheFolder({})).toMatch(/\.cache\/vmbus$/)
  })
})

describe('boot', () => {
  it('reports what is wrong with an image, and leaves no worker', async () => {
    const image = {
      name: 'none',
      bzImage: new Uint8Array(8),
      initrd: new Uint8Array(8),
      modules: [],
      agent: false,
      digest: 'x',
    }
    expect(await codeOf(() => boot({ image }))).toBe('VMBUS_IMAGE_NOT_A_KERNEL')
    expect(await codeOf(() => boot({ image, host: { module: './host.ts' } }))).toBe('VMBUS_MACHINE_OPTIONS')
    expect(await codeOf(() => boot({ image, memoryMB: 1 }))).toBe('VMBUS_OPTIONS_INVALID')
  })

  it('names a host module that is none', async () => {
    const image = {
      name: 'none',
      bzImage: bzImage(kernelElf()),
      initrd: new Uint8Array(8),
      modules: [],
      agent: false,
      digest: 'x',
    }
    const refused = (module: string, name = 'host'): Promise<string> =>
      codeOf(() => boot({ image, host: { module, export: name } }))
    expect(await refused('file:///no/such/host.js')).toBe('VMBUS_MACHINE_HOST')
    expect(await refused('node:path', 'nothing')).toBe('VMBUS_MACHINE_HOST')
  })

  it('runs a kernel of one instruction in its worker: halted, and no more', async () => {
    const image = {
      name: 'tiny',
      bzImage: bzImage(kernelElf()),
      initrd: new Uint8Array(8),
      modules: [],
      agent: false,
      digest: 'x',
    }
    await using guest = await boot({ image, memoryMB: 32 })
    expect(await guest.ended({ seconds: 1 })).toBe('dead')
    expect(await guest.result()).toMatchObject({
      end: 'dead',
      outcome: 'guest-hung',
      deterministic: true,
      image: 'tiny',
    })
    expect(await codeOf(() => guest.exec('true'))).toBe('VMBUS_MACHINE_EXEC')
    expect(await codeOf(() => guest.call('x'))).toBe('VMBUS_MACHINE_HOST')
    await guest.stop()
    expect(await codeOf(() => guest.run(1))).toBe('VMBUS_MACHINE_STOPPED')
  })
})
