import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { StoreError, badOption } from './errors.ts'
import { fileLock } from './file-lock.ts'
import type { PunchHoles } from './file-punch.ts'
import type { ByteStore } from './store.ts'

export interface FileStoreOptions {
  readonly readOnly?: boolean
  /** Makes the file, which must not exist. */
  readonly create?: boolean
  /** How to give space back inside the file: `fallocatePunch`. Without it a raw image has no discard. */
  readonly punch?: PunchHoles
}

const ZEROS = new Uint8Array(65536)

function failure(operation: string, path: string, cause: unknown): StoreError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
  return new StoreError(
    full ? 'VMBUS_STORE_NO_SPACE' : 'VMBUS_STORE_IO',
    `${operation} of ${path} failed: ${String(cause)}`,
    cause,
  )
}

/**
 * A file as a store, over the synchronous calls of node:fs. Its lock holds among processes too (see `fileLock`).
 * Throws what `openSync` throws when the file cannot be opened.
 */
export function fileStore(path: string, options: FileStoreOptions = {}): ByteStore {
  const { readOnly = false, create = false, punch } = options
  if (readOnly && create) throw badOption('a file cannot be made read-only')
  const fd = openSync(path, readOnly ? 'r' : create ? 'wx+' : 'r+')
  let size = fstatSync(fd).size
  let open = true

  const zeroByWriting = (offset: number, length: number): void => {
    for (let done = 0; done < length; done += ZEROS.length)
      store.write(offset + done, ZEROS, 0, Math.min(ZEROS.length, length - done))
  }

  const store: ByteStore = {
    get size() {
      return size
    },
    readOnly,
    lock: fileLock(path),
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
      try {
        ftruncateSync(fd, next)
      } catch (error) {
        throw failure('resizing', path, error)
      }
      size = next
    },
    flush() {
      try {
        fsyncSync(fd)
      } catch (error) {
        throw failure('flushing', path, error)
      }
    },
    close() {
      if (open) closeSync(fd)
      open = false
    },
    inspect: () => ({
      kind: 'file',
      size,
      readOnly,
      allocated: fstatSync(fd).blocks * 512,
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
