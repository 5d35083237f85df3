import type { StorageContext } from './context.ts'
import { LinuxDiskError } from './errors.ts'
import { SECTOR, discard, flush, readOrWrite, take } from './io.ts'
import { unitOf, type IoResult, type Unit } from './state.ts'

/**
 * A disk as /dev and /sys/block have it. Sectors are of 512 bytes. A request returns its id at once and ends later, once:
 * the guest has an event `driver:io` then, and `take` says how it went.
 */
export interface LinuxDisk {
  /** `sda`. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  readonly logicalBlockSize: number
  readonly physicalBlockSize: number
  readonly vendor: string
  readonly model: string
  readonly readOnly: boolean
  readonly writeCache: boolean
  /** It takes space back. */
  readonly canDiscard: boolean
  /** SCSI host, channel, target and LUN: `0:0:0:0`. */
  readonly address: string
  /** Throws VMBUS_LINUX_DISK for sectors that are not there or no whole blocks. */
  read(sector: number, count: number): number
  /** Whole blocks, from `sector` on. Throws VMBUS_LINUX_DISK. */
  write(sector: number, data: Uint8Array): number
  /** What was written before survives a power cut once this ends well. Throws VMBUS_LINUX_DISK. */
  flush(): number
  /** Gives sectors back (BLKDISCARD). Throws VMBUS_LINUX_DISK. */
  discard(sector: number, count: number): number
  /** How a request ended, told once; undefined while it is under way. */
  take(id: number): IoResult | undefined
}

export function linuxDisk(ctx: StorageContext, unit: Unit): LinuxDisk {
  const { path, target, lun, name } = unit
  const at = { path, target, lun }
  const now = (): Unit => unitOf(ctx.state, at) ?? unit
  return {
    name,
    get size() {
      const { blocks, blockSize } = now()
      return blocks * blockSize
    },
    get logicalBlockSize() {
      return now().blockSize
    },
    get physicalBlockSize() {
      return now().physicalBlockSize
    },
    vendor: unit.vendor,
    model: unit.model,
    get readOnly() {
      return now().readOnly
    },
    get writeCache() {
      return now().writeCache
    },
    get canDiscard() {
      return now().unmap
    },
    address: `${ctx.state.host}:${path}:${target}:${lun}`,
    read: (sector, count) => readOrWrite(ctx, at, sector, count),
    write(sector, data) {
      if (data.length === 0 || data.length % SECTOR !== 0)
        throw new LinuxDiskError('data', data.length, `a multiple of ${SECTOR}`)
      return readOrWrite(ctx, at, sector, data.length / SECTOR, data)
    },
    flush: () => flush(ctx, at),
    discard: (sector, count) => discard(ctx, at, sector, count),
    take: (id) => take(ctx, id),
  }
}
