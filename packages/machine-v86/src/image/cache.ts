import { createHash } from 'node:crypto'
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { MachineError, reasonOf } from '../errors.ts'
import { ageOf } from './lock.ts'
import { isOrphan, ownedName } from './process-name.ts'

/** Where packages and what is made of them are kept: $XDG_CACHE_HOME/vmbus, or ~/.cache/vmbus. */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment['XDG_CACHE_HOME']
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'vmbus')
}

export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** Reads a file; a missing one is VMBUS_IMAGE_MISSING. */
export async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new MachineError('VMBUS_IMAGE_MISSING', `cannot read ${path}: ${reasonOf(cause)}`, { path }, cause)
  }
}

const PARTIAL = '.partial'

/** A name for what is not whole yet; `sweep` removes it once its process is gone. */
export function partialName(): string {
  return `${ownedName()}${PARTIAL}`
}

/** Removes what killed processes left half made in a folder. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(PARTIAL)) continue
    const path = join(folder, name)
    const age = await ageOf(path)
    if (age !== undefined && isOrphan(name, age)) await rm(path, { recursive: true, force: true })
  }
}

/**
 * Writes beside and renames, so that a reader never sees half a file and two writers do not mix. Nothing stays of a file
 * that cannot be written: VMBUS_IMAGE_CACHE.
 */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const folder = dirname(path)
  const beside = join(folder, partialName())
  try {
    await mkdir(folder, { recursive: true })
    await sweep(folder)
    const file = await open(beside, 'wx')
    try {
      await file.writeFile(bytes)
      // A name must not reach the medium before what it names.
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => undefined)
    throw new MachineError('VMBUS_IMAGE_CACHE', `cannot write ${path}: ${reasonOf(cause)}`, { path }, cause)
  }
}

/** A value kept under a name that says what it was made from; `make` runs when it is not there. */
export async function cached(folder: string, name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const path = join(folder, name)
  const kept = await readFile(path).catch(() => undefined)
  if (kept !== undefined && kept.length > 64) {
    const digest = kept.subarray(0, 64).toString('latin1')
    const bytes = kept.subarray(64)
    if (sha256(bytes) === digest) return bytes
  }
  const bytes = await make()
  await writeWhole(path, Buffer.concat([Buffer.from(sha256(bytes), 'latin1'), bytes])).catch(() => undefined)
  return bytes
}
