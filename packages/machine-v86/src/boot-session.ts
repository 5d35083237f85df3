import { join } from 'node:path'
import { MachineError } from './errors.ts'
import { defaultCacheFolder, sha256 } from './image/cache.ts'
import { finish } from './session.ts'
import type { Session, SessionOptions, Waited } from './session-types.ts'
import { bootFromSnapshot, snapshotStore } from './snapshots.ts'

export interface BootSessionOptions {
  /** As `HostReference.snapshotKey`: a name for what of this host a booting guest sees. */
  readonly snapshotKey: string
  /**
   * A script that is run at the command agent before the snapshot is kept, and so once for all that go on from it. It must not
   * speak to the bus: of the host only the partition is kept.
   */
  readonly prepare?: string
  readonly cacheFolder?: string
  /** Virtual seconds until the guest must be up, and as many for `prepare`; default 60. */
  readonly bootSeconds?: number
}

const DEFAULT_SECONDS = 60

/**
 * A session in this thread that stands at the command agent: gone on with from the kept snapshot, or booted and kept. Rejects
 * with MachineError: VMBUS_MACHINE_ENDED or VMBUS_MACHINE_TIMEOUT for a guest that does not come up, VMBUS_MACHINE_EXEC when
 * `prepare` fails.
 */
export function bootSession(options: SessionOptions, how: BootSessionOptions): Promise<Session> {
  const { snapshotKey, prepare = '', cacheFolder = defaultCacheFolder(), bootSeconds = DEFAULT_SECONDS } = how
  const key = prepare === '' ? snapshotKey : sha256(snapshotKey, '\0', prepare)
  const store = snapshotStore(join(cacheFolder, 'snapshots'), key, options)
  return bootFromSnapshot(store, options, async (session) => {
    valueOf(finish(session.until('agent', bootSeconds)), 'the boot')
    if (prepare === '') return
    const { status, output } = valueOf(finish(session.exec(prepare, bootSeconds)), 'what prepares it')
    if (status !== 0)
      throw new MachineError('VMBUS_MACHINE_EXEC', `what prepares the guest ends with ${status}: ${output.trim()}`, {
        status,
      })
  })
}

function valueOf<T>(waited: Waited<T>, what: string): T {
  if ('value' in waited) return waited.value
  if ('ended' in waited)
    throw new MachineError('VMBUS_MACHINE_ENDED', `the guest ended (${waited.ended}) during ${what}`, {
      end: waited.ended,
    })
  throw new MachineError('VMBUS_MACHINE_TIMEOUT', `no answer within the virtual time given for ${what}`)
}
