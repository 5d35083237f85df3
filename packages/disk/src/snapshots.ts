import type { BlockDevice } from './block.ts'
import { DiskError } from './errors.ts'
import { differencing, type Differencing } from './differencing.ts'
import { forwarding } from './forwarding.ts'

/** A disk that can be frozen while it is in use, as a backup between VSS freeze and thaw needs it. */
export interface SnapshotDisk extends BlockDevice {
  /** Freezes the present contents; what is written from now on goes to a child until the snapshot is closed. */
  snapshot(): BlockDevice
}

/**
 * Snapshots of any disk, one at a time. Closing the snapshot merges what was written meanwhile. Writes that were
 * acknowledged by `flush` while a snapshot is open are in memory until then.
 */
export function snapshots(disk: BlockDevice): SnapshotDisk {
  let child: Differencing | undefined
  const target = (): BlockDevice => child ?? disk

  const snapshot = (): BlockDevice => {
    if (child !== undefined) throw new DiskError('VMBUS_DISK_STATE', 'a snapshot of this disk is open already')
    const made = (child = differencing(disk))
    const size = disk.sectors
    let closed = false
    return forwarding(() => disk, {
      get sectors() {
        return size
      },
      readOnly: true,
      write: () => 'read-only',
      discard: () => 'read-only',
      zero: () => 'read-only',
      flush: () => 'ok',
      read: (sector, buffers) => (closed ? 'medium-error' : disk.read(sector, buffers)),
      resize() {
        throw new DiskError('VMBUS_DISK_READ_ONLY', 'a snapshot has a fixed size')
      },
      close() {
        if (closed) return
        made.merge()
        closed = true
        child = undefined
      },
    })
  }

  const listeners = new Set<() => void>()
  const device = forwarding(target, {
    resize(sectors) {
      const before = target().sectors
      target().resize(sectors)
      if (before !== sectors) for (const listener of listeners) listener()
    },
    onResize(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    close() {
      child?.merge()
      child = undefined
      disk.close()
    },
    save: () => ({ format: 'snapshots', version: 1, disk: disk.save(), child: child?.save() }),
    restore(state) {
      const saved = state as ReturnType<BlockDevice['save']> & {
        disk: ReturnType<BlockDevice['save']>
        child: ReturnType<BlockDevice['save']> | undefined
      }
      disk.restore(saved.disk)
      if (saved.child === undefined) child = undefined
      else {
        child ??= differencing(disk)
        child.restore(saved.child)
      }
    },
    inspect: () => ({ ...target().inspect(), snapshot: child !== undefined }),
  })
  return Object.assign(device, { snapshot })
}
