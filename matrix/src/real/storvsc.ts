import { memoryDisk, type BlockDevice } from '@vmbus/disk'
import { openDisk } from '@vmbus/disk/file'
import { storvsc } from '@vmbus/storvsc'
import type { RealDeviceFactory } from './device.ts'

/** A disk of a real guest: in memory and empty, or an image file that exists. */
type RealDisk = { readonly size: string } | { readonly file: string }

interface RealStorvscOptions {
  /** In order of their LUNs; default one empty disk of 64 MiB. */
  readonly disks?: readonly RealDisk[]
}

const DEFAULT_DISKS: readonly RealDisk[] = [{ size: '64M' }]

/** Disks in memory would all have one identity; a guest tells them apart by it. */
function open(disk: RealDisk, index: number): BlockDevice {
  if ('file' in disk) return openDisk(disk.file)
  return memoryDisk(disk.size, { identity: Uint8Array.of(...new Array<number>(15).fill(0x5a), index) })
}

/** One SCSI controller with its disks. */
export const realStorvsc: RealDeviceFactory = (host, options) => {
  const { disks: wanted = DEFAULT_DISKS } = options as RealStorvscOptions
  const disks = wanted.map(open)
  const handle = host.offer(storvsc({ luns: disks }))
  return (
    handle && {
      actions: {
        add(disk) {
          const opened = open(disk as RealDisk, disks.length)
          disks.push(opened)
          return handle.device.addLun(opened).lun
        },
        remove: (lun) => handle.device.removeLun({ lun: lun as number }),
        resize(change) {
          const { lun, bytes } = change as { readonly lun: number; readonly bytes: number }
          const disk = disks[lun]
          if (disk === undefined) throw new RangeError(`no disk ${lun}`)
          disk.resize(Math.floor(bytes / disk.sectorSize))
        },
        inspect: () => handle.device.inspect(),
      },
      result: () => handle.device.inspect(),
      save: () => disks.map((disk) => disk.save()),
      restore(state) {
        for (const [index, saved] of (state as unknown[]).entries()) disks[index]?.restore(saved as never)
      },
      ...(wanted.some((disk) => 'file' in disk) ? { notDeterministic: 'image files of the host' } : {}),
    }
  )
}
