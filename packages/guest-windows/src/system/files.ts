import type { SystemService } from '@vmbus/core'
import type { FileSystem } from '@vmbus/fcopy'
import { HResult } from '@vmbus/ic'
import { bytes, list, pair, restoreState, stateForm, text } from '@vmbus/world'

/** Files by full path such as `C:\temp\a.txt`; paths differ by more than case. */
export interface WindowsFiles {
  /** Paths, in the order in which they were made. */
  readonly paths: readonly string[]
  read(path: string): Uint8Array | undefined
}

export interface FileStore extends WindowsFiles, FileSystem, SystemService {}

interface File {
  readonly path: string
  readonly contents: Uint8Array
}

const FORM = stateForm<{ readonly files: readonly (readonly [string, Uint8Array])[] }>('windows-files', 1, {
  files: list(pair(text, bytes())),
})

/** What the simulated volume holds. */
const MOST_BYTES = 64 << 20

const folded = (path: string): string => path.replaceAll('/', '\\').toLowerCase()

/** A volume in memory, on which every folder is there. */
export function fileStore(): FileStore {
  let files = new Map<string, File>()
  const used = (): number => [...files.values()].reduce((sum, { contents }) => sum + contents.length, 0)
  return {
    get paths() {
      return [...files.values()].map(({ path }) => path)
    },
    read: (path) => files.get(folded(path))?.contents.slice(),
    exists: (path) => files.has(folded(path)),
    makeFolder: () => true,
    create(path) {
      files.set(folded(path), { path, contents: new Uint8Array(0) })
      return HResult.ok
    },
    write(path, offset, data) {
      const file = files.get(folded(path))
      if (file === undefined) return HResult.fail
      const size = Math.max(file.contents.length, offset + data.length)
      if (used() - file.contents.length + size > MOST_BYTES) return HResult.diskFull
      const contents = new Uint8Array(size)
      contents.set(file.contents)
      contents.set(data, offset)
      files.set(folded(path), { ...file, contents })
      return HResult.ok
    },
    rename(from, to) {
      const file = files.get(folded(from))
      if (file === undefined) return HResult.fail
      files.delete(folded(from))
      files.set(folded(to), { ...file, path: to })
      return HResult.ok
    },
    remove: (path) => void files.delete(folded(path)),
    save: () => ({ ...FORM.head, files: [...files.values()].map(({ path, contents }) => [path, contents]) }),
    restore(state) {
      files = new Map(restoreState(state, FORM).files.map(([path, contents]) => [folded(path), { path, contents }]))
    },
  }
}
