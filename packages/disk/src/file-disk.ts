import { randomFillSync } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path'
import type { BlockDevice } from './block.ts'
import { badOption } from './errors.ts'
import { parentSearch } from './file-parent.ts'
import { fileStore, withStore, type FileStoreOptions } from './file-store.ts'
import { coded, realPath, removeFile } from './file-system.ts'
import type { NewIdentity } from './identity.ts'
import { detectFormat, openImage, type ImageFormat, type OpenImageOptions } from './image.ts'
import { checkFor, checkSome } from './options.ts'
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

export interface OpenDiskOptions
  extends Omit<OpenImageOptions, 'newIdentity'>, Pick<FileStoreOptions, 'punch' | 'locks'> {
  /** Sector sizes and identity of a raw image. */
  readonly raw?: Omit<RawOptions, 'readOnly'>
  /** Folders in which, and below which, parents may be; default: the image's own. */
  readonly parentFolders?: readonly string[]
}

/**
 * Opens an image file of any format, and its chain of parents (read-only) by the paths that the images state, as far as they
 * lead into `parentFolders`. A parent is an image whose identity its child names; a raw one has none, and only
 * `options.parent` can be one. The locks last until `close()`.
 */
export function openDisk(path: string, options: OpenDiskOptions = {}): BlockDevice {
  checkFor('openDisk', options)
  const { raw, punch, locks, parentFolders, ...rest } = options
  const readOnly = options.readOnly ?? false
  const shared = { ...(punch === undefined ? {} : { punch }), ...(locks === undefined ? {} : { locks }) }
  return withStore(fileStore(path, { readOnly, ...shared }), (store) => {
    const format = options.format ?? detectFormat(store)
    if (format === 'raw') return rawDisk(store, { ...raw, readOnly })
    const parent = options.parent ?? parentSearch(path, parentFolders, locks)
    return openImage(store, { ...rest, format, parent, newIdentity: randomIdentity })
  })
}

export type CreateDiskOptions = {
  readonly path: string
  readonly parentPath?: string
} & Pick<OpenDiskOptions, 'punch' | 'locks' | 'parentFolders'> &
  (
    | ({ readonly format: 'vhdx' } & Omit<CreateVhdxOptions, 'parent' | 'parentPaths' | 'newIdentity'>)
    | ({ readonly format: 'vhd' } & Omit<CreateVhdOptions, 'parent' | 'parentPaths' | 'parentName' | 'newIdentity'>)
    | ({ readonly format: 'raw'; readonly size: number | string } & Omit<RawOptions, 'readOnly'>)
  )

/**
 * Makes an image file, which must not exist, and opens it. With `parentPath` it is a differencing image; the parent is
 * opened read-only and closed with it. Where that fails, no file stays.
 */
export function createDisk(options: CreateDiskOptions): BlockDevice {
  checkSome('createDisk', { ...options })
  const { path, parentPath, punch, locks, parentFolders } = options
  if (parentPath !== undefined && options.format === 'raw') throw badOption('a raw image has no parent')
  coded('making the folder of', path, () => mkdirSync(dirname(resolve(path)), { recursive: true }))
  const shared = { ...(punch === undefined ? {} : { punch }), ...(locks === undefined ? {} : { locks }) }
  const parent =
    parentPath === undefined
      ? undefined
      : openDisk(parentPath, {
          readOnly: true,
          parentFolders: parentFolders ?? [dirname(path), dirname(parentPath)],
          ...shared,
        })
  try {
    const store = fileStore(path, { create: true, ...shared })
    try {
      return withParent(
        withStore(store, () => create(store, options, parent)),
        parent,
      )
    } catch (error) {
      removeFile(path)
      throw error
    }
  } catch (error) {
    parent?.close()
    throw error
  }
}

function create(store: ByteStore, options: CreateDiskOptions, parent: BlockDevice | undefined): BlockDevice {
  const { path, parentPath, punch: _punch, locks: _locks, parentFolders: _folders, ...given } = options
  const base = {
    newIdentity: randomIdentity,
    ...(parent === undefined || parentPath === undefined ? {} : { parent, parentPaths: pathsTo(path, parentPath) }),
  }
  if (given.format === 'vhdx') {
    const { format: _format, ...rest } = given
    return createVhdx(store, { ...rest, ...base })
  }
  if (given.format === 'vhd') {
    const { format: _format, ...rest } = given
    const timestamp = rest.timestamp ?? Math.floor((Date.now() - Date.UTC(2000, 0, 1)) / 1000)
    const named = parentPath === undefined ? {} : { parentName: basename(parentPath) }
    return createVhd(store, { ...rest, ...base, ...named, timestamp })
  }
  const { format: _format, size, ...rest } = given
  store.truncate(parseSize(size, rest.sectorSize ?? 512))
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
export function pathsTo(child: string, parent: string): { relative?: string; absolute: string } {
  const absolute = realPath(parent)
  const path = relative(realPath(dirname(resolve(child))), absolute).replaceAll('/', '\\')
  // Another drive of Windows has no relative path.
  if (isAbsolute(path)) return { absolute }
  return { relative: path.startsWith('.') ? path : `.\\${path}`, absolute }
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
