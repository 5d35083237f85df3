import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { loadEmulator } from './emulator/load.ts'
import { sha256, writeWhole } from './image/cache.ts'
import type { PreparedImage } from './image/prepare.ts'
import {
  createSession,
  sessionIdentity,
  type MachineSettings,
  type Session,
  type SessionOptions,
  type SessionSnapshot,
} from './session.ts'

/** Raised when the kept form changes. 2: without bus and devices. */
const FORMAT = 2
/** The seed that cached snapshots are booted with, whatever seed the run that restores them has. */
const SNAPSHOT_SEED = 1

/**
 * The file for a snapshot taken at the command agent. `hostKey` names everything of the host that a booting guest sees
 * (CPUID leaves, MSRs): snapshots of different hosts must not be mixed.
 */
export async function snapshotPath(
  cacheFolder: string,
  image: PreparedImage,
  settings: MachineSettings,
  hostKey: string,
): Promise<string> {
  const emulator = await loadEmulator()
  const key = sha256(
    sessionIdentity({ ...settings, emulator, image }),
    hostKey,
    String(FORMAT),
    process.versions.v8.split('.').slice(0, 2).join('.'),
  )
  return join(cacheFolder, 'snapshots', `${key}.v8`)
}

/**
 * A session that stands where the guest's command agent answers: restored from `path`, or booted and written to it. A
 * fresh boot is restored into a new machine as well, so that both ways give the same run. Only the partition's state
 * is kept of the host: a file that was written by other code has nothing to say of the bus and of devices, and one
 * that cannot be restored any more is made again. A guest that has spoken to the bus by then is booted every time.
 */
export async function bootFromSnapshotFile(
  path: string,
  options: SessionOptions,
  toAgent: (session: Session) => Promise<void>,
): Promise<Session> {
  const kept = await readSnapshot(path)
  const restored =
    kept === undefined ? undefined : await createSession({ ...options, from: kept }).catch(() => undefined)
  if (restored !== undefined) return restored
  const first = await createSession({ ...options, seed: SNAPSHOT_SEED })
  await toAgent(first)
  const snapshot = first.bootSnapshot()
  if (snapshot !== undefined) await writeWhole(path, withDigest(serialize(snapshot)))
  return createSession({ ...options, from: snapshot ?? first.snapshot() })
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
