import { checkpointAll, checkpoints, memoryDisk, type CheckpointDisk, type DiskState } from '@vmbus/disk'
import { openCheckpoints, type FileCheckpointDisk } from '@vmbus/disk/file'
import { storvsc, type StorvscHostOptions } from '@vmbus/storvsc'
import {
  checkOptions,
  either,
  instance,
  list,
  object,
  oneOf,
  optional,
  restoreState,
  stateForm,
  text,
  type Shape,
} from '@vmbus/world'
import { closeAll, type RealDeviceFactory } from './device.ts'

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

const DISK: Shape<RealDisk> = either(object({ size: text }), object({ file: text }))
const OPTIONS = object<RealStorvscOptions>({
  disks: optional(list(DISK)),
  controller: optional(oneOf('scsi', 'ide', 'fc')),
})

const DEFAULT_DISKS: readonly RealDisk[] = [{ size: '64M' }]

const isFile = (disk: CheckpointDisk): disk is FileCheckpointDisk => 'childPath' in disk

/** Disks in memory would all have one identity; a guest tells them apart by it. */
function open(disk: RealDisk, index: number): CheckpointDisk {
  if ('file' in disk) return openCheckpoints(disk.file)
  return checkpoints(memoryDisk(disk.size, { identity: Uint8Array.of(...new Array<number>(15).fill(0x5a), index) }))
}

/** By LUN. When one cannot be opened, none stays open. */
function openAll(wanted: readonly RealDisk[]): Map<number, CheckpointDisk> {
  const disks = new Map<number, CheckpointDisk>()
  try {
    for (const [lun, disk] of wanted.entries()) disks.set(lun, open(disk, lun))
    return disks
  } catch (error) {
    closeAll(disks.values())
    throw error
  }
}

/** Closes the disks again where the host does not take them. */
function offered<T>(offer: () => T | undefined, close: () => void): T | undefined {
  let handle: T | undefined
  try {
    return (handle = offer())
  } finally {
    if (handle === undefined) close()
  }
}

/** The states of these disks, by LUN: of each, and of no other. */
function savedDisks(disks: ReadonlyMap<number, CheckpointDisk>) {
  const byLun = Object.fromEntries([...disks.keys()].map((lun) => [`${lun}`, instance<DiskState>()]))
  return stateForm<{ readonly disks: Readonly<Record<string, DiskState>> }>('matrix-storvsc', 1, {
    disks: object<Record<string, DiskState>>(byLun),
  })
}

/** Each disk with its state, all of which have been looked at. Throws StateError. */
function accepted(state: unknown, disks: ReadonlyMap<number, CheckpointDisk>): [CheckpointDisk, DiskState][] {
  const saved = restoreState(state, savedDisks(disks))
  return Object.entries(saved.disks).flatMap(([lun, each]) => {
    const disk = disks.get(Number(lun))
    disk?.checkState?.(each)
    return disk === undefined ? [] : [[disk, each]]
  })
}

/** One controller with its disks. They are open from here on: whoever disposes of it disposes of them. */
export const realStorvsc: RealDeviceFactory = (host, options) => {
  const { disks: wanted = DEFAULT_DISKS, controller = 'scsi' } = checkOptions('storvsc', OPTIONS, options)
  const disks = openAll(wanted)
  let opened = disks.size
  const close = (): void => closeAll(disks.values())
  const handle = offered(() => host.offer(storvsc({ luns: [...disks.values()], controller })), close)
  return (
    handle && {
      actions: {
        add(disk) {
          const added = open(checkOptions('disk', DISK, disk), opened++)
          try {
            const { lun } = handle.device.addLun(added)
            disks.set(lun, added)
            return lun
          } catch (error) {
            added.close()
            throw error
          }
        },
        remove(lun) {
          handle.device.removeLun({ lun: lun as number })
          disks.get(lun as number)?.close()
          disks.delete(lun as number)
        },
        resize(change) {
          const { lun, bytes } = change as { readonly lun: number; readonly bytes: number }
          const disk = disks.get(lun)
          if (disk === undefined) throw new RangeError(`no disk ${lun}`)
          disk.resize(Math.floor(bytes / disk.sectorSize))
        },
        checkpoints: () =>
          [...disks].flatMap(([lun, disk]): RealCheckpoint[] => {
            if (disk.phase === 'none') return []
            return [isFile(disk) ? { lun, file: disk.path, child: disk.childPath } : { lun }]
          }),
        /** Merges about so many bytes of each disk; true when none is left with a checkpoint. */
        merge: (bytes) =>
          [...disks.values()]
            .filter(({ phase }) => phase !== 'none')
            .map((disk) => disk.merge(bytes as number))
            .every(Boolean),
        inspect: () => handle.device.inspect(),
      },
      checkpoint: () => void checkpointAll([...disks.values()]),
      result: () => handle.device.inspect(),
      close,
      save: () => ({
        ...savedDisks(disks).head,
        disks: Object.fromEntries([...disks].map(([lun, disk]) => [lun, disk.save()])),
      }),
      checkState: (state) => void accepted(state, disks),
      restore(state) {
        for (const [disk, saved] of accepted(state, disks)) disk.restore(saved)
      },
      get notDeterministic() {
        return [...disks.values()].some(isFile) ? 'image files of the host' : undefined
      },
    }
  )
}
