import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { StoreError } from './errors.ts'

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** What the system refused, as an error with a code of ours. */
export function failure(doing: string, path: string, cause: unknown, code: StoreError['code'] = 'VMBUS_STORE_IO') {
  return new StoreError(
    FULL.has(codeOf(cause)) ? 'VMBUS_STORE_NO_SPACE' : code,
    `${doing} ${path} failed: ${String(cause)}`,
    cause,
  )
}

/** Calls the system; what it throws becomes a StoreError. */
export function coded<T>(doing: string, path: string, call: () => T, code?: StoreError['code']): T {
  try {
    return call()
  } catch (error) {
    throw error instanceof StoreError ? error : failure(doing, path, error, code)
  }
}

const FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
} as const

/** Opens a regular file, or makes it, and nothing else. Throws StoreError VMBUS_STORE_OPEN. */
export function openFile(path: string, access: keyof typeof FLAGS): number {
  const open = (): number => {
    const regular = (stat: { isFile(): boolean }): void => {
      if (!stat.isFile()) throw new StoreError('VMBUS_STORE_OPEN', `opening ${path} failed: it is not a regular file`)
    }
    // Before it is opened, because that alone makes some devices act, and a FIFO wait for its other end. The flag is for one
    // that takes the file's place meanwhile; Windows has no such flag.
    if (access !== 'create') regular(statSync(path))
    const fd = openSync(path, FLAGS[access] | ((constants.O_NONBLOCK as number | undefined) ?? 0))
    try {
      regular(fstatSync(fd))
    } catch (error) {
      closeSync(fd)
      throw error
    }
    return fd
  }
  return coded('opening', path, open, 'VMBUS_STORE_OPEN')
}

/** The path without symbolic links. */
export function realPath(path: string): string {
  return coded('finding', path, () => realpathSync(path), 'VMBUS_STORE_OPEN')
}

/** Whether there is anything of that name, be it a link to nothing. */
export function exists(path: string): boolean {
  return coded('looking for', path, () => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
}

/** Gives a file another name that nothing has. */
export function moveTo(path: string, name: string): void {
  coded('renaming', path, () => {
    try {
      linkSync(path, name)
      rmSync(path)
    } catch (error) {
      // File systems without hard links.
      if (codeOf(error) === 'EEXIST' || exists(name)) throw error
      renameSync(path, name)
    }
  })
}

/** Names in a folder are on the medium when its file is flushed; Windows has no such call and needs none. */
export function flushFolder(path: string): void {
  if (process.platform === 'win32') return
  coded('flushing the folder of', path, () => {
    const folder = openSync(dirname(path), 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  })
}

export function removeFile(path: string): void {
  coded('removing', path, () => rmSync(path, { force: true }))
}
