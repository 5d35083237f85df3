import type { SystemService } from '@vmbus/core'
import type { FileSystem } from '@vmbus/fcopy'
import { HResult } from '@vmbus/ic'
import type { PoolFiles } from '@vmbus/kvp'

/** The files of a simulated system, in memory, by path from `/`. */
export interface FileTree extends SystemService, Omit<FileSystem, 'create' | 'rename'> {
  /** Paths of all files, sorted. */
  readonly paths: readonly string[]
  isFolder(path: string): boolean
  /** A copy, undefined when there is no such file. */
  read(path: string): Uint8Array | undefined
  /** Bytes of a file, 0 when there is none. */
  sizeOf(path: string): number
  /** An empty file in a folder that is there; returns an HRESULT. */
  create(path: string): number
  /** Puts a file in, with the folders above it. Returns an HRESULT. */
  put(path: string, bytes: Uint8Array): number
  /** Atomic; returns an HRESULT. */
  rename(from: string, to: string): number
}

/** Bytes of the longest name and of the longest path with its NUL (Linux include/uapi/linux/limits.h). */
const NAME_BYTES = 255
const PATH_BYTES = 4096

/** What a disk without a number of inodes would not bound: empty files. */
const MOST_ENTRIES = 65_536

const utf8Length = (text: string): number => {
  let length = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4
  }
  return length
}

/** The path without `.`, `..` and empty parts; undefined when a name or the whole is too long. */
function resolved(path: string): string | undefined {
  if (utf8Length(path) >= PATH_BYTES) return undefined
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (utf8Length(part) > NAME_BYTES) return undefined
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

/** A file's bytes are the first `length` of its room, which doubles as it grows. */
interface File {
  room: Uint8Array
  length: number
}

const contentsOf = ({ room, length }: File): Uint8Array => room.slice(0, length)

interface Saved {
  readonly folders: readonly string[]
  readonly files: readonly (readonly [path: string, bytes: Uint8Array])[]
}

/** Folders and files by their places, up to `capacity` bytes. */
function placesOf(capacity: number) {
  const folders = new Set<string>(['/'])
  const files = new Map<string, File>()
  let used = 0

  /** The file at a place, made when it is not there, with `length` bytes; undefined when the disk is full. */
  const sized = (place: string, length: number): File | undefined => {
    const old = files.get(place)
    const more = length - (old?.length ?? 0)
    if (used + more > capacity) return undefined
    if (old === undefined && files.size + folders.size >= MOST_ENTRIES) return undefined
    const file = old ?? { room: new Uint8Array(length), length: 0 }
    if (file.room.length < length) {
      const room = new Uint8Array(Math.max(length, 2 * file.room.length))
      room.set(file.room.subarray(0, file.length))
      file.room = room
    }
    // What is beyond the end is no contents: it reads as zeros when the file grows over it.
    file.room.fill(0, length)
    used += more
    file.length = length
    files.set(place, file)
    return file
  }

  const store = (place: string, bytes: Uint8Array): number => {
    const file = sized(place, bytes.length)
    if (file === undefined) return HResult.diskFull
    file.room.set(bytes)
    return HResult.ok
  }

  /** Where a file may be: in a folder that is there, and not where a folder is. */
  const placeOf = (path: string): string | undefined => {
    const place = resolved(path)
    return place !== undefined && folders.has(parentOf(place)) && !folders.has(place) ? place : undefined
  }

  const makeFolder = (path: string): boolean => {
    const place = resolved(path)
    if (place === undefined) return false
    for (let end = place.indexOf('/', 1); ; end = place.indexOf('/', end + 1)) {
      const folder = end < 0 ? place : place.slice(0, end)
      if (files.has(folder) || (!folders.has(folder) && files.size + folders.size >= MOST_ENTRIES)) return false
      folders.add(folder)
      if (end < 0) return true
    }
  }

  const remove = (place: string): void => {
    used -= files.get(place)?.length ?? 0
    files.delete(place)
  }

  const clear = (): void => {
    folders.clear()
    files.clear()
    used = 0
  }

  return { folders, files, sized, store, placeOf, makeFolder, remove, clear }
}

/** A tree with these folders and files. It is full, as a disk is, when it holds `capacity` bytes. */
export function fileTree(
  contents: { readonly folders?: readonly string[]; readonly files?: Readonly<Record<string, Uint8Array>> } = {},
  capacity = 64 << 20,
): FileTree {
  const { folders, files, sized, store, placeOf, makeFolder, remove, clear } = placesOf(capacity)
  const tree: FileTree = {
    get paths() {
      return [...files.keys()].toSorted()
    },
    exists(path) {
      const place = resolved(path)
      return place !== undefined && (files.has(place) || folders.has(place))
    },
    isFolder: (path) => folders.has(resolved(path) ?? ''),
    makeFolder,
    read(path) {
      const file = files.get(resolved(path) ?? '')
      return file === undefined ? undefined : contentsOf(file)
    },
    sizeOf: (path) => files.get(resolved(path) ?? '')?.length ?? 0,
    create(path) {
      const place = placeOf(path)
      return place === undefined ? HResult.fail : store(place, new Uint8Array(0))
    },
    write(path, offset, bytes) {
      const place = resolved(path) ?? ''
      if (!files.has(place)) return HResult.fail
      const file = sized(place, Math.max(tree.sizeOf(place), offset + bytes.length))
      if (file === undefined) return HResult.diskFull
      file.room.set(bytes, offset)
      return HResult.ok
    },
    put(path, bytes) {
      const place = resolved(path)
      if (place === undefined || !makeFolder(parentOf(place)) || folders.has(place)) return HResult.fail
      return store(place, bytes)
    },
    rename(from, to) {
      const file = files.get(resolved(from) ?? '')
      const place = placeOf(to)
      if (file === undefined || place === undefined) return HResult.fail
      if (files.get(place) === file) return HResult.ok
      tree.remove(to)
      files.delete(resolved(from) ?? '')
      files.set(place, file)
      return HResult.ok
    },
    remove: (path) => remove(resolved(path) ?? ''),
    save: (): Saved => ({ folders: [...folders], files: [...files].map(([path, file]) => [path, contentsOf(file)]) }),
    restore(state) {
      const saved = state as Saved
      clear()
      for (const folder of saved.folders) folders.add(folder)
      for (const [path, bytes] of saved.files) store(path, bytes)
    },
  }
  for (const folder of contents.folders ?? []) makeFolder(folder)
  for (const [path, bytes] of Object.entries(contents.files ?? {})) tree.put(path, bytes)
  return tree
}

/** The files as pools are kept in them. */
export const poolFilesOf = (tree: FileTree): PoolFiles => ({
  read: (path) => tree.read(path),
  create: (path) => tree.create(path) === HResult.ok,
  append: (path, bytes) => tree.write(path, tree.sizeOf(path), bytes) === HResult.ok,
  sync: () => true,
  rename: (from, to) => tree.rename(from, to) === HResult.ok,
})
