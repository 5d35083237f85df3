import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MachineError } from '../errors.ts'

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
    throw new MachineError(
      'VMBUS_IMAGE_MISSING',
      `cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { path },
      cause,
    )
  }
}

/** Writes beside and renames, so that a reader never sees half a file and two writers do not mix. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const beside = `${path}.${process.pid}.${sha256(path, String(performance.now())).slice(0, 8)}`
  await writeFile(beside, bytes)
  await rename(beside, path)
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

/** Runs `work` while holding a lock file, so that two processes do not fill the cache at once. A dead holder's lock is taken. */
export async function withLock<T>(path: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  await mkdir(dirname(path), { recursive: true })
  for (;;) {
    const handle = await open(path, 'wx').catch(() => undefined)
    if (handle !== undefined) {
      await handle.writeFile(String(process.pid))
      await handle.close()
      break
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''))
    if (holder > 0 && !alive(holder) && (await taken(path))) continue
    await sleep(100, undefined, signal === undefined ? {} : { signal })
  }
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

/**
 * Removes a dead holder's lock, one taker at a time: another that read the same holder would remove the lock of the next.
 * False when somebody else is at it.
 */
async function taken(path: string): Promise<boolean> {
  const guard = `${path}.taking`
  const handle = await open(guard, 'wx').catch(() => undefined)
  if (handle === undefined) return false
  await handle.close()
  const holder = Number(await readFile(path, 'utf8').catch(() => ''))
  if (holder > 0 && !alive(holder)) await rm(path, { force: true })
  await rm(guard, { force: true })
  return true
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
