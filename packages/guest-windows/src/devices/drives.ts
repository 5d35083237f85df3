import type { SystemService } from '@vmbus/core'
import type { RequestOutcome } from '@vmbus/storvsc'
import { WindowsError } from '../errors.ts'

/** How a request ended. `data` is what was read. */
export interface DriveResult {
  readonly outcome: RequestOutcome
  readonly data?: Uint8Array
}

/**
 * A disk as the StorPort miniport has it. Sectors are its own. A request returns its id at once and ends later, once: the
 * guest has an event `driver:io` then, and `take` says how it went.
 */
export interface WindowsDisk {
  /** `PhysicalDrive0`. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  readonly sectorSize: number
  readonly physicalSectorSize: number
  readonly vendor: string
  readonly product: string
  readonly readOnly: boolean
  /** It takes space back. */
  readonly canUnmap: boolean
  /** VSTOR word that was agreed on. */
  readonly protocol: number
  /** Throws VMBUS_WINDOWS_DISK for sectors that are not there. */
  read(sector: number, count: number): number
  /** Whole sectors. Throws VMBUS_WINDOWS_DISK. */
  write(sector: number, data: Uint8Array): number
  /** What was written before survives a power cut once this ends well. */
  flush(): number
  /** Gives sectors back. Throws VMBUS_WINDOWS_DISK. */
  unmap(sector: number, count: number): number
  /** How a request ended, told once; undefined while it is under way. */
  take(id: number): DriveResult | undefined
}

/** The disks of every controller, by number. */
export interface DriveTable extends SystemService {
  readonly disks: readonly WindowsDisk[]
  find(name: string): WindowsDisk | undefined
  /** Under its number from before, or the lowest that is free; returns the number. */
  register(make: (name: string) => WindowsDisk, number?: number): number
  remove(number: number): void
}

export function driveTable(): DriveTable {
  const disks = new Map<number, WindowsDisk>()
  return {
    get disks() {
      return [...disks].toSorted(([a], [b]) => a - b).map(([, disk]) => disk)
    },
    find: (name) => [...disks.values()].find((disk) => disk.name === name),
    register(make, known) {
      let number = known ?? 0
      while (known === undefined && disks.has(number)) number++
      disks.set(number, make(`PhysicalDrive${number}`))
      return number
    },
    remove: (number) => void disks.delete(number),
    // Drivers that are restored register theirs again.
    save: () => null,
    restore: () => disks.clear(),
  }
}

/** Throws for what is not within a disk. */
export function checkSectors(name: string, sectors: number, sector: number, count: number): void {
  const isWhole = Number.isSafeInteger(sector) && Number.isSafeInteger(count)
  if (!isWhole || sector < 0 || count <= 0 || sector + count > sectors)
    throw new WindowsError('VMBUS_WINDOWS_DISK', `${name} has sectors 0 to ${sectors - 1}, not ${count} from ${sector}`)
}
