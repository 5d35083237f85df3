import type { PoolFiles } from '@vmbus/kvp'
import { bytes, list, pair, restoreState, stateForm, text } from '@vmbus/world'

/** Files by path, in memory: those of the key-value daemon. */
export interface Files extends PoolFiles {
  readonly paths: readonly string[]
  save(): unknown
  restore(saved: unknown): void
}

const FORM = stateForm<{ readonly files: readonly (readonly [string, Uint8Array])[] }>('freebsd-files', 1, {
  files: list(pair(text, bytes())),
})

export function files(): Files {
  const tree = new Map<string, Uint8Array>()
  return {
    get paths() {
      return [...tree.keys()].toSorted()
    },
    read: (path) => tree.get(path)?.slice(),
    create(path) {
      tree.set(path, new Uint8Array(0))
      return true
    },
    append(path, more) {
      const old = tree.get(path)
      if (old === undefined) return false
      const whole = new Uint8Array(old.length + more.length)
      whole.set(old)
      whole.set(more, old.length)
      tree.set(path, whole)
      return true
    },
    sync: () => true,
    rename(from, to) {
      const file = tree.get(from)
      if (file === undefined) return false
      tree.delete(from)
      tree.set(to, file)
      return true
    },
    save: () => ({ ...FORM.head, files: [...tree].map(([path, file]) => [path, file.slice()]) }),
    restore(saved) {
      tree.clear()
      for (const [path, file] of restoreState(saved, FORM).files) tree.set(path, file.slice())
    },
  }
}
