import { randomInt } from 'node:crypto'
import { mkdir, open, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MachineError, reasonOf, throwIfAborted } from '../errors.ts'
import { isOrphan, ownedName, ownerOf } from './process-name.ts'

export interface LockOptions {
  readonly signal?: AbortSignal
  /** Told once for each process that is waited for. */
  waiting?(holder: string): void
  /** Milliseconds until the wait is given up; default 15 minutes. */
  readonly limitMs?: number
}

/** A whole release is fetched in two or three minutes over a slow line. */
const LIMIT_MS = 15 * 60_000
const RENEW_MS = 10_000

/**
 * Runs `work` while no other process does so in the same folder. Everybody first puts a file of his own there and then
 * looks for others: two who come at once may both have to wait, and never both go on. The files of dead processes are
 * removed. Rejects with VMBUS_IMAGE_CACHE when the folder cannot be written or the wait is given up, and with
 * VMBUS_MACHINE_STOPPED when it is aborted.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const mine = join(folder, ownedName())
  await told(folder, () => mkdir(folder, { recursive: true }))
  await acquire(folder, mine, options)
  const renewing = setInterval(() => void utimes(mine, new Date(), new Date()).catch(() => undefined), RENEW_MS)
  renewing.unref()
  try {
    return await work()
  } finally {
    clearInterval(renewing)
    await rm(mine, { force: true })
  }
}

async function acquire(folder: string, mine: string, options: LockOptions): Promise<void> {
  const { signal, waiting, limitMs = LIMIT_MS } = options
  const since = performance.now()
  let last: string | undefined
  for (;;) {
    throwIfAborted(signal)
    const holder = (await otherThan(mine, folder)) ?? (await claimed(folder, mine))
    if (holder === undefined) return
    const { pid, isHere } = ownerOf(holder)
    const who = isHere ? `process ${pid}` : `process ${pid} of another machine or container`
    if (performance.now() - since > limitMs)
      throw new MachineError('VMBUS_IMAGE_CACHE', `${who} still holds ${folder}`, { folder, pid })
    if (holder !== last) waiting?.(who)
    last = holder
    await sleep(50 + randomInt(100), undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
  }
}

/** Puts the own file there; somebody else's that is there as well takes precedence, and is given back. */
async function claimed(folder: string, mine: string): Promise<string | undefined> {
  await told(folder, async () => (await open(mine, 'wx')).close())
  let other: string | undefined
  try {
    return (other = await otherThan(mine, folder))
  } catch (error) {
    other = mine
    throw error
  } finally {
    if (other !== undefined) await rm(mine, { force: true })
  }
}

/** Somebody else's file. Those of dead processes go. */
async function otherThan(mine: string, folder: string): Promise<string | undefined> {
  for (const name of await told(folder, () => readdir(folder))) {
    const path = join(folder, name)
    if (path === mine) continue
    const age = await ageOf(path)
    if (age === undefined) continue
    if (!isOrphan(name, age)) return name
    await told(folder, () => rm(path, { force: true }))
  }
  return undefined
}

/** Milliseconds since a file was written; undefined when it is gone. */
export async function ageOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => undefined,
  )
}

async function told<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new MachineError('VMBUS_IMAGE_CACHE', `cannot lock ${folder}: ${reasonOf(cause)}`, { folder }, cause)
  }
}
