import { realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import type { BlockDevice } from './block.ts'
import { DiskError, StoreError } from './errors.ts'
import { fileStore, withStore, type FileStoreOptions } from './file-store.ts'
import { coded, realPath } from './file-system.ts'
import { detectFormat, openImage } from './image.ts'
import { isParent, type ParentReference } from './parent.ts'

/** How many files a search may open: what stops a chain that is too long, bites its tail or branches at every image. */
const MAX_OPENED = 64

interface Search {
  /** As given, and without symbolic links. */
  readonly folders: readonly string[]
  readonly locks: FileStoreOptions['locks']
  opened: number
}

/** Finds and opens the parents of the image at `child`, whose own folder is where they may be by default. */
export function parentSearch(
  child: string,
  folders: readonly string[] | undefined,
  locks: FileStoreOptions['locks'],
): (reference: ParentReference) => BlockDevice {
  return (reference) => {
    const own = dirname(realPath(child))
    const allowed = folders === undefined ? [own] : folders.flatMap((folder) => [resolve(folder), realPath(folder)])
    return find(own, reference, { folders: allowed, locks, opened: 0 })
  }
}

function isInside(folders: readonly string[], file: string): boolean {
  return folders.some((folder) => {
    const path = relative(folder, file)
    return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)
  })
}

/**
 * Where the parent may be: the paths in the order of MS-VHDX 2.6.2.6.3, which VHD has as well, and then the parent's name
 * beside the child, for a chain that was moved.
 */
function candidatesOf(own: string, { relative: near, volume, absolute, name }: ParentReference): string[] {
  const local = (path: string): string => (sep === '/' ? path.replace(/^\\\\\?\\/, '').replaceAll('\\', '/') : path)
  const known = [near, volume, absolute, name]
    .filter((path): path is string => path !== undefined && path !== '')
    .map(local)
  const whole = [volume, absolute].filter((path) => path !== undefined).map(local)
  return [
    ...new Set([
      ...(near === undefined ? [] : [resolve(own, local(near))]),
      ...whole.filter((path) => isAbsolute(path)),
      ...known.map((path) => resolve(own, basename(path))),
    ]),
  ]
}

function find(own: string, reference: ParentReference, search: Search): BlockDevice {
  const refused: string[] = []
  for (const path of candidatesOf(own, reference)) {
    try {
      const found = openParent(path, search)
      if (isParent(found, reference)) return found
      found.close()
      refused.push(`${path} is not the one that this image was made from, or was changed since`)
    } catch (error) {
      const next = error instanceof StoreError || (error instanceof DiskError && error.code !== 'VMBUS_DISK_LOCKED')
      if (!next || search.opened > MAX_OPENED) throw error
      refused.push(error.message)
    }
  }
  throw new DiskError('VMBUS_DISK_PARENT', `no parent found: ${refused.join('; ') || 'the image names none'}`)
}

function openParent(candidate: string, search: Search): BlockDevice {
  const outside = (): DiskError =>
    new DiskError('VMBUS_DISK_PARENT', `${candidate} is not in a folder where parents may be (option "parentFolders")`)
  // Before the path is touched, which on Windows may ask a server of the image's choice; and again for where it leads.
  if (!isInside(search.folders, candidate)) throw outside()
  const path = coded('finding', candidate, () => realpathSync(candidate), 'VMBUS_STORE_OPEN')
  if (!isInside(search.folders, path)) throw outside()
  if (++search.opened > MAX_OPENED)
    throw new DiskError('VMBUS_DISK_PARENT', `the chain of parents is longer than ${MAX_OPENED} images`, { path })
  const store = fileStore(path, {
    readOnly: true,
    ...(search.locks === undefined ? {} : { locks: search.locks }),
  })
  return withStore(store, () => {
    const format = detectFormat(store)
    if (format === 'raw')
      throw new DiskError('VMBUS_DISK_PARENT', `${path} has no identity: a raw parent is given, not found`)
    const parent = (reference: ParentReference) => find(dirname(path), reference, search)
    return openImage(store, { format, readOnly: true, parent })
  })
}
