import { checkpointAll, checkpoints, memoryDisk, type CheckpointDisk } from '@vmbus/disk'
import { openCheckpoints, type FileCheckpointDisk } from '@vmbus/disk/file'
import { storvsc, type StorvscHostOptions } from '@vmbus/storvsc'
import type { RealDeviceFactory } from './device.ts'

/** A disk of a real guest: in memory and empty, or an image file that exists. */
export type RealDisk = { readonly size: string } | { readonly file: string }

interface RealStorvscOptions {
  /** In order of their LUNs; default one empty disk of 64 MiB. */
  readonly disks?: readonly RealDisk[]
  /** Default `scsi`; an IDE accelerator has one disk. */
  readonly controller?: StorvscHostOptions['controller']
}

/** What a backup finds: the image as it was frozen, and the one that the guest goes on with. */
export interface RealCheckpoint {
  readonly lun: number
  /** Undefined for a disk in memory. */
  readonly file?: string
  readonly child?: string
}

const DEFAULT_DISKS: readonly RealDisk[] = [{ size: '64M' }]

const isFile = (disk: CheckpointDisk): disk is FileCheckpointDisk => 'childPath' in disk

/** Disks in memory would all have one identity; a guest tells them apart by it. */
function open(disk: RealDisk, index: number): CheckpointDisk {
  if ('file' in disk) return openCheckpoints(disk.file)
  return checkpoints(memoryDisk(disk.size, { identity: Uint8Array.of(...new Array<number>(15).fill(0x5a), index) }))
}

/** One controller with its disks. */
export const realStorvsc: RealDeviceFactory = (host, options) => {
  const { disks: wanted = DEFAULT_DISKS, controller = 'scsi' } = options as RealStorvscOptions
  const disks = wanted.map(open)
  const removed = new Set<CheckpointDisk>()
  const handle = host.offer(storvsc({ luns: disks, controller }))
  const inUse = (): CheckpointDisk[] => disks.filter((disk) => !removed.has(disk))
  return (
    handle && {
      actions: {
        add(disk) {
          const opened = open(disk as RealDisk, disks.length)
          disks.push(opened)
          return handle.device.addLun(opened).lun
        },
        remove(lun) {
          handle.device.removeLun({ lun: lun as number })
          const disk = disks[lun as number]
          if (disk !== undefined) removed.add(disk)
        },
        resize(change) {
          const { lun, bytes } = change as { readonly lun: number; readonly bytes: number }
          const disk = disks[lun]
          if (disk === undefined) throw new RangeError(`no disk ${lun}`)
          disk.resize(Math.floor(bytes / disk.sectorSize))
        },
        checkpoints: () =>
          disks.flatMap((disk, lun): RealCheckpoint[] => {
            if (disk.phase === 'none' || removed.has(disk)) return []
            return [isFile(disk) ? { lun, file: disk.path, child: disk.childPath } : { lun }]
          }),
        /** Merges about so many bytes of each disk; true when none is left with a checkpoint. */
        merge: (bytes) =>
          inUse()
            .filter(({ phase }) => phase !== 'none')
            .map((disk) => disk.merge(bytes as number))
            .every(Boolean),
        inspect: () => handle.device.inspect(),
      },
      checkpoint: () => void checkpointAll(inUse()),
      result: () => handle.device.inspect(),
      save: () => disks.map((disk) => disk.save()),
      restore(state) {
        for (const [index, saved] of (state as unknown[]).entries()) disks[index]?.restore(saved as never)
      },
      get notDeterministic() {
        return disks.some(isFile) ? 'image files of the host' : undefined
      },
    }
  )
}
