import { createRequire } from 'node:module'
import { DiskError } from './errors.ts'
import { lockedError, storeLock, type StoreLock } from './store.ts'

type Mode = 'read' | 'write'

interface Range {
  readonly offset: number
  /** 0: to the end of every file. */
  readonly length: number
}

/** The part of `fs-native-extensions` that is used: `tryLock` is false when another open file has locked the range. */
interface Locks {
  tryLock(fd: number, offset: number, length: number, options: { readonly shared: boolean }): boolean
  unlock(fd: number, offset: number, length: number): void
}

/**
 * The bytes that stand for the image. On Linux those by which QEMU says what it does with an image, so that each respects the
 * other (QEMU block/file-posix.c: byte 100 + n is locked by who uses permission n, byte 200 + n by who denies it to others;
 * 1 is writing, 3 is resizing): a reader denies 1 to 3, a writer has all to itself. macOS locks whole files only (flock), and
 * on Windows nobody else can read what is locked, so there it is a byte behind the end of every file.
 */
const RANGES: Readonly<Record<Mode, Range>> =
  process.platform === 'linux'
    ? { read: { offset: 201, length: 3 }, write: { offset: 100, length: 104 } }
    : process.platform === 'win32'
      ? { read: { offset: 2 ** 62, length: 1 }, write: { offset: 2 ** 62, length: 1 } }
      : { read: { offset: 0, length: 0 }, write: { offset: 0, length: 0 } }

/** What systems say when somebody else has the lock. */
const HELD: ReadonlySet<unknown> = new Set(['EAGAIN', 'EACCES', 'EBUSY'])

const noLocks = (problem: string): DiskError =>
  new DiskError('VMBUS_DISK_NO_LOCKS', `${problem}; the option "locks" can bring others, or none`)

function isLocks(module: unknown): module is Locks {
  return typeof module === 'object' && module !== null && 'tryLock' in module && 'unlock' in module
}

function load(): Locks {
  let module: unknown
  try {
    module = createRequire(import.meta.url)('fs-native-extensions')
  } catch (error) {
    throw noLocks(`file locks need the optional package fs-native-extensions, which does not load: ${String(error)}`)
  }
  if (!isLocks(module)) throw noLocks('the package fs-native-extensions has no locks')
  return module
}

/**
 * The system's lock of an open file: it belongs to the open file, so it is one for all names of the image, among all processes
 * of the machine and its containers, and ends with its holder, however that ends.
 */
export interface SystemLock {
  /** From one mode to another, with no moment in between where the system can do that. Throws DiskError VMBUS_DISK_LOCKED or VMBUS_DISK_NO_LOCKS, and keeps what it had. */
  set(mode: Mode): void
  release(): void
}

export function systemLock(fd: number): SystemLock {
  const locks = load()
  let held: Mode | undefined

  const take = (mode: Mode): boolean => {
    const { offset, length } = RANGES[mode]
    try {
      return locks.tryLock(fd, offset, length, { shared: mode === 'read' })
    } catch (error) {
      if (error instanceof Error && 'code' in error && HELD.has(error.code)) return false
      throw noLocks(`the file system has no locks: ${String(error)}`)
    }
  }

  const release = (): void => {
    if (held !== undefined) locks.unlock(fd, RANGES[held].offset, RANGES[held].length)
    held = undefined
  }

  return {
    set(mode) {
      if (mode === held) return
      const before = held
      if (process.platform === 'win32') release()
      if (!take(mode)) {
        // Where a change is a new lock after the old one is gone, that one is taken again.
        if (before !== undefined && take(before)) held = before
        throw lockedError(mode, 'somebody else has it open')
      }
      const { read, write } = RANGES
      if (before === 'write' && read.offset > write.offset) locks.unlock(fd, write.offset, read.offset - write.offset)
      held = mode
    },
    release,
  }
}

/** The lock of a store over an open file: many readers or one writer, among the users of the store and everybody else. */
export function fileLock(fd: number, isOpen: () => boolean): StoreLock {
  const inside = storeLock()
  let system: SystemLock | undefined
  let holders = 0
  return {
    acquire(mode) {
      const leave = inside.acquire(mode)
      try {
        system ??= systemLock(fd)
        system.set(mode)
      } catch (error) {
        leave()
        throw error
      }
      holders++
      let held = true
      return () => {
        if (!held) return
        held = false
        leave()
        // A closed file has no lock, and its number may be that of another one.
        if (--holders === 0 && isOpen()) system?.release()
      }
    },
    describe: inside.describe,
  }
}
