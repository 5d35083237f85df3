import { readFile, readdir, rm, rmdir, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { reasonOf, throwIfAborted } from './errors.ts'
import { sha256, writeWhole } from './image/cache.ts'
import { withLock } from './image/lock.ts'
import { createSession } from './session.ts'
import { sessionIdentity } from './session-identity.ts'
import type { Session, SessionOptions, SessionSnapshot } from './session-types.ts'

/** Raised when the kept form changes. 4: deflated. */
const FORMAT = 4
/** The seed that cached snapshots are booted with, whatever seed the run that restores them has. */
const SNAPSHOT_SEED = 1

/** Snapshots of booted guests take so many bytes of the cache; the ones that were used last stay. Each is 10 to 20 MB. */
export const SNAPSHOT_CACHE_BYTES: number = 2 * 1024 ** 3

/** A thread that was ended while it booted leaves its lock until its process ends: nobody waits longer for it than a boot takes on a busy machine. */
const BOOTING_LIMIT_MS = 3 * 60_000

export interface SnapshotStoreOptions {
  /** Bytes of all snapshots of the folder. */
  readonly limitBytes?: number
  /** Ends the wait for another that boots the same. */
  readonly signal?: AbortSignal
}

/** Snapshots of guests that stand at the command agent. */
export interface SnapshotStore {
  read(): Promise<SessionSnapshot | undefined>
  /** Rejects with VMBUS_IMAGE_CACHE. */
  write(snapshot: SessionSnapshot): Promise<void>
  /** Runs `work` while nobody else does so for this snapshot, in this process or another: who waits finds what was made. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

/**
 * The file for a snapshot taken at the command agent. `hostKey` names what of the host a booting guest may see; a snapshot
 * of a host that is another one all the same is refused by the session.
 */
export function snapshotStore(
  folder: string,
  hostKey: string,
  options: SessionOptions,
  { limitBytes = SNAPSHOT_CACHE_BYTES, signal }: SnapshotStoreOptions = {},
): SnapshotStore {
  const key = sha256(
    sessionIdentity(options),
    hostKey,
    String(FORMAT),
    process.versions.v8.split('.').slice(0, 2).join('.'),
  )
  const path = join(folder, `${key}.v8`)
  const turn = join(dirname(folder), 'booting', key)
  return {
    async read() {
      const snapshot = await readSnapshot(path)
      if (snapshot !== undefined) await utimes(path, new Date(), new Date()).catch(() => undefined)
      return snapshot
    },
    async write(snapshot) {
      // A third of its size (73 MB of a guest with file system tools: 21 MB) for 0.3 s of CPU when it is read.
      await writeWhole(path, withDigest(deflateRawSync(serialize(snapshot), { level: 1 })))
      await prune(folder, limitBytes)
    },
    async alone(work) {
      let begun = false
      const once = (): ReturnType<typeof work> => {
        begun = true
        return work()
      }
      try {
        return await withLock(turn, once, { limitMs: BOOTING_LIMIT_MS, ...(signal !== undefined && { signal }) })
      } catch (error) {
        if (begun) throw error
        // Without a lock two may boot the same, which costs time alone.
        throwIfAborted(signal)
        return work()
      } finally {
        await rmdir(turn).catch(() => undefined)
      }
    },
  }
}

/**
 * A session that stands where the guest's command agent answers: gone on with from a kept snapshot, or booted and kept. A
 * fresh boot is restored into a new machine as well, so that both ways give the same run. Only the partition's state is kept
 * of the host: a snapshot has nothing to say of the bus and of devices, and one that cannot be restored any more is made
 * again. A guest that has spoken to the bus by then is booted every time.
 */
export async function bootFromSnapshot(
  store: SnapshotStore,
  options: SessionOptions,
  toAgent: (session: Session) => Promise<void>,
): Promise<Session> {
  const kept = await store.read()
  const restored = await restoredFrom(kept, options)
  if (restored !== undefined) return restored
  return store.alone(async () => {
    // Somebody else may have booted it meanwhile; what was stale is so still.
    const theirs = kept === undefined ? await restoredFrom(await store.read(), options) : undefined
    return theirs ?? createSession({ ...options, from: await booted(store, options, toAgent) })
  })
}

/** Undefined when nothing is kept, or what is kept is stale. */
async function restoredFrom(kept: SessionSnapshot | undefined, options: SessionOptions): Promise<Session | undefined> {
  if (kept === undefined) return undefined
  return createSession({ ...options, from: kept }).catch((error: unknown) => {
    if (!isStale(error)) throw error
    return undefined
  })
}

/** A snapshot of other code or of another host, as against a host that cannot be made. */
function isStale(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'VMBUS_MACHINE_SNAPSHOT' || code === 'VMBUS_STATE_INVALID'
}

async function booted(
  store: SnapshotStore,
  options: SessionOptions,
  toAgent: (session: Session) => Promise<void>,
): Promise<SessionSnapshot> {
  // Interpreted, so that what is kept is the same each time; compiled code goes on from it as well.
  const first = await createSession({ ...options, seed: SNAPSHOT_SEED, jit: false })
  try {
    await toAgent(first)
    const snapshot = first.bootSnapshot()
    if (snapshot === undefined) return first.snapshot()
    // A cache that cannot be written costs the next boot its time, and this one nothing.
    await store.write(snapshot).catch((error: unknown) => {
      const detail = { code: 'VMBUS_IMAGE_CACHE', source: 'snapshots', message: reasonOf(error) }
      options.onEvent?.({ name: 'diagnostic', at: first.machine.clock.now(), detail })
    })
    return snapshot
  } finally {
    first.close()
  }
}

/** Removes the snapshots that were not used for longest, until the rest fits. What cannot be removed stays. */
async function prune(folder: string, limitBytes: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.v8'))
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      const { size, mtimeMs } = await stat(path).catch(() => ({ size: 0, mtimeMs: 0 }))
      return { path, size, mtimeMs }
    }),
  )
  let total = 0
  for (const { path, size } of files.toSorted((a, b) => b.mtimeMs - a.mtimeMs)) {
    total += size
    if (total > limitBytes) await rm(path, { force: true }).catch(() => undefined)
  }
}

const DIGEST_LENGTH = 64

function withDigest(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(sha256(bytes), 'latin1'), bytes])
}

/** Undefined when there is none or it is damaged: it can be made again. */
async function readSnapshot(path: string): Promise<SessionSnapshot | undefined> {
  const kept = await readFile(path).catch(() => undefined)
  if (kept === undefined || kept.length <= DIGEST_LENGTH) return undefined
  const bytes = kept.subarray(DIGEST_LENGTH)
  if (sha256(bytes) !== kept.toString('latin1', 0, DIGEST_LENGTH)) return undefined
  return deserialize(inflateRawSync(bytes)) as SessionSnapshot
}
