import { DiskError } from './errors.ts'

/**
 * A file, as the image formats see it: synchronous, byte-addressed, growing when written past its end.
 * Every operation either does all of its work or throws a StoreError.
 */
export interface ByteStore {
  /** Bytes. */
  readonly size: number
  readonly readOnly: boolean
  readonly lock: StoreLock
  /** Reads `length` bytes at `offset` to `into[start …]`. Bytes past the end read as zeros. */
  read(offset: number, into: Uint8Array, start?: number, length?: number): void
  /** Writes `from[start …]`, `length` bytes, at `offset`. A gap before `offset` becomes zeros. */
  write(offset: number, from: Uint8Array, start?: number, length?: number): void
  /** Sets the size: cuts off, or extends by zeros. */
  truncate(size: number): void
  /** Returns when everything written, truncated or punched before it survives a power cut. */
  flush(): void
  /** Gives the space of a range inside the store back; it reads as zeros then. Absent where the medium cannot. */
  punch?(offset: number, length: number): void
  /** Frees what the store holds of its host (descriptors), not its contents. */
  close(): void
  /** The contents as plain data; absent where they live elsewhere (a file). */
  save?(): StoreState
  restore?(state: StoreState): void
  inspect(): StoreInfo
}

export interface StoreInfo {
  readonly kind: string
  readonly size: number
  readonly readOnly: boolean
  /** Bytes of the host's memory or disk in use, where known. */
  readonly allocated?: number
  readonly lock: string
}

/** Contents of a memory store: the pieces that are not all zeros. */
export interface StoreState {
  readonly version: 1
  readonly size: number
  readonly chunks: readonly { readonly offset: number; readonly bytes: Uint8Array }[]
}

/** Many readers, or one writer and nobody else: an image's tables are cached by who has it open. */
export interface StoreLock {
  /** Returns the release. Throws DiskError VMBUS_DISK_LOCKED when the others do not allow it. */
  acquire(mode: 'read' | 'write'): () => void
  /** For messages and inspect(): "free", "2 readers", "writer". */
  describe(): string
}

export function lockedError(wanted: 'read' | 'write', held: string): DiskError {
  const what = wanted === 'write' ? 'to write' : 'to read'
  return new DiskError('VMBUS_DISK_LOCKED', `the image cannot be opened ${what}: ${held}`, { wanted, held })
}

/** A lock among the users of one store object. */
export function storeLock(): StoreLock {
  let readers = 0
  let writer = false
  const describe = (): string =>
    writer ? 'writer' : readers > 0 ? `${readers} reader${readers > 1 ? 's' : ''}` : 'free'
  return {
    acquire(mode) {
      if (writer || (mode === 'write' && readers > 0)) throw lockedError(mode, `it is held by ${describe()}`)
      if (mode === 'write') writer = true
      else readers++
      let held = true
      return () => {
        if (!held) return
        held = false
        if (mode === 'write') writer = false
        else readers--
      }
    },
    describe,
  }
}

/** Gives ranges back to a store that can punch, neighbours together; what lies past its end is not there any more. */
export function punchAll(
  store: ByteStore,
  ranges: readonly { readonly offset: number; readonly length: number }[],
): void {
  if (store.punch === undefined) return
  let from = 0
  let to = 0
  for (const { offset, length } of [...ranges].sort((a, b) => a.offset - b.offset)) {
    if (offset !== to) {
      if (to > from && from < store.size) store.punch(from, to - from)
      from = offset
    }
    to = offset + length
  }
  if (to > from && from < store.size) store.punch(from, to - from)
}

const ZEROS = new Uint8Array(65536)

/** Writes zeros over a range: by punching where the store can, else by writing. */
export function writeZeros(store: ByteStore, offset: number, length: number): void {
  const inside = Math.min(length, store.size - offset)
  if (store.punch !== undefined && inside >= ZEROS.length) {
    store.punch(offset, inside)
    if (length > inside) store.truncate(offset + length)
    return
  }
  inPieces(length, (done, zeros, count) => store.write(offset + done, zeros, 0, count))
}

/** Zeros of any length, at most 64 KiB at a time. */
export function inPieces(length: number, write: (done: number, zeros: Uint8Array, count: number) => void): void {
  for (let done = 0; done < length; done += ZEROS.length) write(done, ZEROS, Math.min(ZEROS.length, length - done))
}

/** The first `count` words are all zeros. */
export function isZeros(words: Int32Array, count: number): boolean {
  for (let index = 0; index < count; index++) if (words[index] !== 0) return false
  return true
}
