import { closeSync, fstatSync, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs'
import type { BlockDevice } from './block.ts'
import { badOption } from './errors.ts'
import { fileLock } from './file-lock.ts'
import type { PunchHoles } from './file-punch.ts'
import { coded, failure, openFile } from './file-system.ts'
import { checkFor } from './options.ts'
import type { ByteStore, StoreLock } from './store.ts'

export interface FileStoreOptions {
  readonly readOnly?: boolean
  /** Makes the file, which must not exist. */
  readonly create?: boolean
  /** How to give space back inside the file: `fallocatePunch`. Without it a raw image has no discard. */
  readonly punch?: PunchHoles
  /** Other locks than the system's: `() => storeLock()` is none. */
  readonly locks?: (path: string) => StoreLock
}

const ZEROS = new Uint8Array(65536)

/**
 * A regular file as a store, over the synchronous calls of node:fs. Its lock is the system's (see `fileLock`).
 * Throws StoreError VMBUS_STORE_OPEN when the file cannot be opened or made.
 */
export function fileStore(path: string, options: FileStoreOptions = {}): ByteStore {
  checkFor('fileStore', options)
  const { readOnly = false, create = false, punch, locks } = options
  if (readOnly && create) throw badOption('a file cannot be made read-only')
  const fd = openFile(path, readOnly ? 'read' : create ? 'create' : 'write')
  let size = 0
  let open = true
  const lock = locks?.(path) ?? fileLock(fd, () => open)
  /** Until the file is locked, others may change its size. */
  const measure = (): void => {
    size = coded('looking at', path, () => fstatSync(fd).size)
  }
  measure()

  const zeroByWriting = (offset: number, length: number): void => {
    for (let done = 0; done < length; done += ZEROS.length)
      store.write(offset + done, ZEROS, 0, Math.min(ZEROS.length, length - done))
  }

  const store: ByteStore = {
    get size() {
      return size
    },
    readOnly,
    lock: {
      acquire(mode) {
        const release = lock.acquire(mode)
        measure()
        return release
      },
      describe: lock.describe,
    },
    read(offset, into, start = 0, length = into.length - start) {
      let done = 0
      try {
        while (done < length) {
          const count = readSync(fd, into, start + done, length - done, offset + done)
          if (count === 0) break
          done += count
        }
      } catch (error) {
        throw failure('reading', path, error)
      }
      if (done < length) into.fill(0, start + done, start + length)
    },
    write(offset, from, start = 0, length = from.length - start) {
      let done = 0
      try {
        while (done < length) done += writeSync(fd, from, start + done, length - done, offset + done)
      } catch (error) {
        throw failure('writing', path, error)
      } finally {
        size = Math.max(size, offset + done)
      }
    },
    truncate(next) {
      coded('resizing', path, () => ftruncateSync(fd, next))
      size = next
    },
    flush() {
      coded('flushing', path, () => fsyncSync(fd))
    },
    close() {
      if (!open) return
      open = false
      coded('closing', path, () => closeSync(fd))
    },
    inspect: () => ({
      kind: 'file',
      size,
      readOnly,
      ...(open ? { allocated: fstatSync(fd).blocks * 512 } : {}),
      lock: store.lock.describe(),
    }),
  }
  if (punch !== undefined) {
    store.punch = (offset, length) => {
      const end = Math.min(offset + length, size)
      if (end > offset && !punch(path, offset, end - offset)) zeroByWriting(offset, end - offset)
    }
  }
  return store
}

/** The device that `open` makes of the store, which closes it with itself. */
export function withStore(store: ByteStore, open: (store: ByteStore) => BlockDevice): BlockDevice {
  try {
    const disk = open(store)
    const { close } = disk
    disk.close = () => {
      close()
      store.close()
    }
    return disk
  } catch (error) {
    store.close()
    throw error
  }
}
