import { randomFillSync } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import type { BlockDevice } from './block.ts'
import { DiskError, badOption } from './errors.ts'
import { fileStore, type FileStoreOptions } from './file-store.ts'
import type { NewIdentity } from './identity.ts'
import { detectFormat, openImage, type ImageFormat, type OpenImageOptions } from './image.ts'
import type { ParentReference } from './parent.ts'
import { rawDisk, type RawOptions } from './raw.ts'
import { parseSize } from './size.ts'
import type { ByteStore } from './store.ts'
import { createVhd, type CreateVhdOptions } from './vhd/create.ts'
import { createVhdx, type CreateVhdxOptions } from './vhdx/create.ts'

/** Version 4 UUIDs from the system's random source, as images that may be copied need them. */
export const randomIdentity: NewIdentity = () => {
  const id = randomFillSync(new Uint8Array(16))
  id[7] = ((id[7] ?? 0) & 0x0f) | 0x40
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80
  return id
}

export interface OpenDiskOptions extends Omit<OpenImageOptions, 'newIdentity'>, Pick<FileStoreOptions, 'punch'> {
  /** Sector sizes and identity of a raw image. */
  readonly raw?: Omit<RawOptions, 'readOnly'>
}

/** How long a chain of parents may be; also what stops a chain that bites its tail. */
const MAX_CHAIN = 64

/**
 * Opens an image file of any format, and its chain of parents (read-only) by the paths that the image states: the
 * relative one first, then the absolute one, then the parent's name beside the image. Parents are taken for images by
 * signature. The locks last until `close()`.
 */
export function openDisk(path: string, options: OpenDiskOptions = {}): BlockDevice {
  return openAt(path, options, 0)
}

function openAt(path: string, options: OpenDiskOptions, depth: number): BlockDevice {
  if (depth > MAX_CHAIN)
    throw new DiskError('VMBUS_DISK_PARENT', `the chain of parents is longer than ${MAX_CHAIN} images`, { path })
  const { raw, punch, ...rest } = options
  const store = fileStore(path, { readOnly: options.readOnly ?? false, ...(punch === undefined ? {} : { punch }) })
  try {
    const format = options.format ?? detectFormat(store)
    const parent =
      options.parent ??
      ((reference: ParentReference) => openAt(findParent(path, reference), { readOnly: true }, depth + 1))
    const disk =
      format === 'raw'
        ? rawDisk(store, { ...raw, readOnly: options.readOnly ?? false })
        : openImage(store, { ...rest, format, parent, newIdentity: randomIdentity })
    return closing(disk, store)
  } catch (error) {
    store.close()
    throw error
  }
}

/** The device, which closes its file with it. */
function closing(disk: BlockDevice, store: ByteStore): BlockDevice {
  const { close } = disk
  disk.close = () => {
    close()
    store.close()
  }
  return disk
}

function findParent(child: string, reference: ParentReference): string {
  const directory = dirname(resolve(child))
  const local = (path: string): string => (sep === '/' ? path.replace(/^\\\\\?\\/, '').replaceAll('\\', '/') : path)
  const candidates = [
    ...(reference.relative === undefined ? [] : [resolve(directory, local(reference.relative))]),
    ...(reference.absolute !== undefined && isAbsolute(local(reference.absolute)) ? [local(reference.absolute)] : []),
    ...(reference.name ? [resolve(directory, basename(local(reference.name)))] : []),
  ]
  const found = candidates.find((path) => existsSync(path))
  if (found === undefined)
    throw new DiskError(
      'VMBUS_DISK_PARENT',
      `none of the parent's paths exists: ${candidates.join(', ') || 'the image names none'}`,
    )
  return found
}

export type CreateDiskOptions = {
  readonly path: string
  readonly parentPath?: string
  readonly punch?: FileStoreOptions['punch']
} & (
  | ({ readonly format: 'vhdx' } & Omit<CreateVhdxOptions, 'parent' | 'parentPaths' | 'newIdentity'>)
  | ({ readonly format: 'vhd' } & Omit<CreateVhdOptions, 'parent' | 'parentPaths' | 'parentName' | 'newIdentity'>)
  | ({ readonly format: 'raw'; readonly size: number | string } & Omit<RawOptions, 'readOnly'>)
)

/**
 * Makes an image file, which must not exist, and opens it. With `parentPath` it is a differencing image; the parent is
 * opened read-only and closed with it.
 */
export function createDisk(options: CreateDiskOptions): BlockDevice {
  const { path, parentPath, punch } = options
  if (parentPath !== undefined && options.format === 'raw') throw badOption('a raw image has no parent')
  mkdirSync(dirname(resolve(path)), { recursive: true })
  const parent = parentPath === undefined ? undefined : openDisk(parentPath, { readOnly: true })
  let store: ByteStore | undefined
  try {
    store = fileStore(path, { create: true, ...(punch === undefined ? {} : { punch }) })
    return closing(withParent(create(store, options, parent), parent), store)
  } catch (error) {
    store?.close()
    parent?.close()
    throw error
  }
}

function create(store: ByteStore, options: CreateDiskOptions, parent: BlockDevice | undefined): BlockDevice {
  const { path, parentPath, ...rest } = options
  const base = {
    newIdentity: randomIdentity,
    ...(parent === undefined || parentPath === undefined ? {} : { parent, parentPaths: pathsTo(path, parentPath) }),
  }
  if (rest.format === 'vhdx') return createVhdx(store, { ...rest, ...base })
  if (rest.format === 'vhd') {
    const timestamp = rest.timestamp ?? Math.floor((Date.now() - Date.UTC(2000, 0, 1)) / 1000)
    return createVhd(store, {
      ...rest,
      ...base,
      timestamp,
      ...(parentPath === undefined ? {} : { parentName: basename(parentPath) }),
    })
  }
  store.truncate(parseSize(rest.size, rest.sectorSize ?? 512))
  store.flush()
  return rawDisk(store, rest)
}

function withParent(disk: BlockDevice, parent: BlockDevice | undefined): BlockDevice {
  const { close } = disk
  disk.close = () => {
    close()
    parent?.close()
  }
  return disk
}

/** A parent's place as its child states it. */
export function pathsTo(child: string, parent: string): { relative: string; absolute: string } {
  const toParent = relative(dirname(resolve(child)), resolve(parent)).replaceAll('/', '\\')
  return { relative: toParent.startsWith('.') ? toParent : `.\\${toParent}`, absolute: resolve(parent) }
}

/** The format of an image file by its signature. */
export function formatOf(path: string): ImageFormat {
  const store = fileStore(path, { readOnly: true })
  try {
    return detectFormat(store)
  } finally {
    store.close()
  }
}
