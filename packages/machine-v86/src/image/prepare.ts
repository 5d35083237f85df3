import { basename } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { readDeb } from '../archive/deb.ts'
import type { TarEntry } from '../archive/tar.ts'
import { MachineError, throwIfAborted } from '../errors.ts'
import { INIT_SCRIPT, POWEROFF_SCRIPT, REBOOT_SCRIPT } from '../guest/init.ts'
import { buildInitrd, type GuestFile } from '../guest/initrd.ts'
import { IMAGE_OPTIONS, IMAGE_SOURCE, checkOptions } from '../options.ts'
import { cached, defaultCacheFolder, readImageFile, sha256 } from './cache.ts'
import type { ImageOptions, ImageSource, PreparedImage } from './image-types.ts'
import { moduleTree, type LoadableModule } from './modules.ts'
import { resolvePackages } from './packages.ts'

const VMLINUZ = /^boot\/vmlinuz-/

/** Finds, verifies and unpacks a kernel and builds its initial RAM disk; what takes long is cached by digest. */
export async function prepareImage(given: ImageSource, options: ImageOptions = {}): Promise<PreparedImage> {
  const source = checkOptions('prepareImage', IMAGE_SOURCE, given)
  checkOptions('prepareImage', IMAGE_OPTIONS, options)
  throwIfAborted(options.signal)
  if ('kernel' in source)
    return prepared(
      basename(source.kernel),
      await readImageFile(source.kernel),
      await readImageFile(source.initrd),
      [],
      false,
    )

  // The user's own file first: its absence needs no package to be told.
  const own = 'deb' in source ? await readImageFile(source.deb) : undefined
  const cacheFolder = options.cacheFolder ?? defaultCacheFolder()
  const offline = process.env['VMBUS_IMAGES']
  const packages = await resolvePackages({
    release: 'release' in source ? source.release : (source.userland ?? 'debian-12'),
    flavour: 'release' in source ? (source.flavour ?? '686') : '686',
    packages: options.packages ?? [],
    cacheFolder,
    ...(offline === undefined || offline === '' ? {} : { offlineFolder: offline }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: (text) => options.onProgress?.(text),
  })
  /** Unpacking blocks for a second at a time: an abort is heard between two files. */
  const unpacked = async (bytes: Uint8Array, name: string): Promise<TarEntry[]> => {
    await breathe()
    throwIfAborted(options.signal)
    return readDeb(bytes, name)
  }

  const kernelDigest = own === undefined ? packages.kernel.sha256 : sha256(own)
  const kernelName = 'deb' in source ? basename(source.deb) : packages.kernel.file
  let unpacking: Promise<TarEntry[]> | undefined
  const kernelFiles = (): Promise<TarEntry[]> =>
    (unpacking ??= (async () => unpacked(own ?? (await packages.read(packages.kernel)), kernelName))())

  const bzImage = await cached(cacheFolder, `unpacked/${kernelDigest}/vmlinuz`, async () => {
    const file = (await kernelFiles()).find(({ path }) => VMLINUZ.test(path))
    if (file === undefined)
      throw new MachineError('VMBUS_IMAGE_NOT_A_KERNEL', `${kernelName} holds no boot/vmlinuz-*`, { file: kernelName })
    return file.bytes
  })
  const wanted = options.modules ?? []
  const bundle = await cached(
    cacheFolder,
    `unpacked/${kernelDigest}/modules-unsigned-${sha256(wanted.join(' ')).slice(0, 16)}`,
    async () => bundleModules(await moduleTree(await kernelFiles()).closure(wanted)),
  )
  const modules = unbundleModules(bundle)

  const files = options.files ?? {}
  const recipe = sha256(
    INIT_SCRIPT,
    POWEROFF_SCRIPT,
    REBOOT_SCRIPT,
    sha256(bundle),
    packages.userland.map((file) => file.sha256).join(' '),
    filesDigest(files),
  )
  const initrd = await cached(cacheFolder, `unpacked/initrd-${recipe}`, async () => {
    const entries: TarEntry[] = []
    for (const file of packages.userland) entries.push(...(await unpacked(await packages.read(file), file.file)))
    const busybox = entries.find(({ path }) => path === 'bin/busybox' || path === 'usr/bin/busybox')
    if (busybox === undefined) throw new MachineError('VMBUS_IMAGE_FORMAT', 'busybox-static holds no bin/busybox')
    return buildInitrd({
      busybox: busybox.bytes,
      modules,
      entries: entries.filter((entry) => entry !== busybox),
      files,
    })
  })
  throwIfAborted(options.signal)
  const name = 'release' in source ? `${source.release}/${source.flavour ?? '686'} ${kernelName}` : kernelName
  return prepared(name, bzImage, initrd, modules, true, Object.keys(files))
}

function prepared(
  name: string,
  bzImage: Uint8Array,
  initrd: Uint8Array,
  modules: readonly LoadableModule[],
  agent: boolean,
  files: readonly string[] = [],
): PreparedImage {
  return {
    name,
    bzImage,
    initrd,
    modules: modules.map((module) => module.name),
    needs: Object.fromEntries(modules.map(({ name: of, needs }) => [of, needs])),
    agent,
    files,
    digest: sha256(sha256(bzImage), sha256(initrd)),
  }
}

function filesDigest(files: Readonly<Record<string, GuestFile>>): string {
  const parts = Object.entries(files).map(([path, { contents, mode }]) =>
    sha256(path, '\0', String(mode ?? ''), '\0', contents),
  )
  return sha256(parts.join(' '))
}

/** Modules in one file: a line of JSON with names, what each needs, and lengths, then the bytes. */
function bundleModules(modules: readonly LoadableModule[]): Uint8Array {
  const index = `${JSON.stringify(modules.map(({ name, needs, bytes }) => [name, needs, bytes.length]))}\n`
  return Buffer.concat([Buffer.from(index, 'utf8'), ...modules.map(({ bytes }) => bytes)])
}

function unbundleModules(bundle: Uint8Array): LoadableModule[] {
  const end = bundle.indexOf(0x0a)
  let at = end + 1
  const index = JSON.parse(new TextDecoder().decode(bundle.subarray(0, end))) as [string, string[], number][]
  return index.map(([name, needs, length]) => {
    const bytes = bundle.subarray(at, at + length)
    at += length
    return { name, needs, bytes }
  })
}
