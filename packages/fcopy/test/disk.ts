import type { FileSystem } from '@vmbus/fcopy'

/** Files in memory, in folders that are there. */
export function disk(capacity = Infinity) {
  const files = new Map<string, Uint8Array>()
  const folders = new Set<string>(['/', '/in'])
  const used = (): number => [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0)
  const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'
  const os: FileSystem = {
    exists: (path) => files.has(path),
    makeFolder(path) {
      for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
        folders.add(end < 0 ? path : path.slice(0, end))
        if (end < 0) return true
      }
    },
    create(path) {
      if (!folders.has(folderOf(path))) return 0x80004005
      files.set(path, new Uint8Array(0))
      return 0
    },
    write(path, offset, bytes) {
      const old = files.get(path) ?? new Uint8Array(0)
      const grown = new Uint8Array(Math.max(old.length, offset + bytes.length))
      if (used() + grown.length - old.length > capacity) return 0x80070070
      grown.set(old)
      grown.set(bytes, offset)
      files.set(path, grown)
      return 0
    },
    rename(from, to) {
      const bytes = files.get(from)
      if (bytes === undefined) return 0x80004005
      files.set(to, bytes)
      files.delete(from)
      return 0
    },
    remove: (path) => void files.delete(path),
  }
  return { files, os }
}
