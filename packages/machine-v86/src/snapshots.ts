import { readFile, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { reasonOf } from './errors.ts'
import { sha256, writeWhole } from './image/cache.ts'
import { createSession } from './session.ts'
import { sessionIdentity } from './session-identity.ts'
import type { Session, SessionOptions, SessionSnapshot } from './session-types.ts'

/** Raised when the kept form changes. 3: with what the guest found of its host. */
const FORMAT = 3
/** The seed that cached snapshots are booted with, whatever seed the run that restores them has. */
const SNAPSHOT_SEED = 1

/** Snapshots of booted guests take so many bytes of the cache; the ones that were used last stay. Each is 30 to 60 MB. */
export const SNAPSHOT_CACHE_BYTES: number = 2 * 1024 ** 3

/** Snapshots of guests that stand at the command agent. */
export interface SnapshotStore {
  read(): Promise<SessionSnapshot | undefined>
  /** Rejects with VMBUS_IMAGE_CACHE. */
  write(snapshot: SessionSnapshot): Promise<void>
}

/**
 * The file for a snapshot taken at the command agent. `hostKey` names what of the host a booting guest may see; a snapshot
 * of a host that is another one all the same is refused by the session.
 */
export function snapshotStore(
  folder: string,
  hostKey: string,
  options: SessionOptions,
  limitBytes = SNAPSHOT_CACHE_BYTES,
): SnapshotStore {
  const key = sha256(
    sessionIdentity(options),
    hostKey,
    String(FORMAT),
    process.versions.v8.split('.').slice(0, 2).join('.'),
  )
  const path = join(folder, `${key}.v8`)
  return {
    async read() {
      const snapshot = await readSnapshot(path)
      if (snapshot !== undefined) await utimes(path, new Date(), new Date()).catch(() => undefined)
      return snapshot
    },
    async write(snapshot) {
      await writeWhole(path, withDigest(serialize(snapshot)))
      await prune(folder, limitBytes)
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
  if (kept !== undefined) {
    const restored = await createSession({ ...options, from: kept }).catch((error: unknown) => {
      if (!isStale(error)) throw error
    })
    if (restored !== undefined) return restored
  }
  return createSession({ ...options, from: await booted(store, options, toAgent) })
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
  const first = await createSession({ ...options, seed: SNAPSHOT_SEED })
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
  return deserialize(bytes) as SessionSnapshot
}
