import type { BlockDevice } from '@vmbus/disk'
import {
  ShapeMismatch,
  bytes,
  flag,
  instance,
  number,
  object,
  optional,
  textLike,
  type Shape,
  type Given,
} from '@vmbus/world'
import type { LunAddress } from './address.ts'
import type { Reservations } from './reservations.ts'
import type { DiskUnitOptions } from './scsi/disk.ts'
import { isQueued, type Backend } from './unit.ts'

/** A disk at an address; without one, at the next free LUN of path 0, target 0. */
export interface DiskLun extends Partial<LunAddress>, DiskUnitOptions {
  readonly disk: Backend
}

/** A DVD drive, with its medium if it has one. */
export interface DvdLun extends Partial<LunAddress> {
  readonly dvd: BlockDevice | undefined
}

export type LunOptions = Backend | DiskLun | DvdLun

export const isBackend = (options: LunOptions): options is Backend =>
  !('dvd' in options) && ('submit' in options || !('disk' in options))

const blockDevice: Shape<BlockDevice> = (value, at) => {
  const given = instance<BlockDevice>()(value, at)
  if (typeof given.read === 'function') return given
  throw new ShapeMismatch(at, value, 'a block device of @vmbus/disk, or a queue of one')
}

const backend: Shape<Backend> = (value, at) => {
  const given = instance<Backend>()(value, at)
  if (!isQueued(given)) return blockDevice(given, at)
  blockDevice(given.disk, at)
  return given
}

// The range of an address is checked by `checkAddress`, which throws VMBUS_STORVSC_OPTIONS.
const place = { path: optional(number()), target: optional(number()), lun: optional(number()) }

const diskLun = object<Given<DiskLun>>({
  ...place,
  disk: backend,
  identity: optional(bytes(16)),
  serial: optional(textLike(/^[\x20-\x7e]{1,252}$/, 'up to 252 printable characters')),
  unmap: optional(flag),
  writeCache: optional(flag),
  reservations: optional(instance<Reservations>()),
})

const dvdLun = object<Given<DvdLun>>({ ...place, dvd: optional(blockDevice) })

/** A disk, a queue, or where one of them is and how. */
export const lunOptions: Shape<LunOptions> = (value, at) => {
  const given = instance<LunOptions>()(value, at)
  const of: Shape<unknown> = isBackend(given) ? backend : 'dvd' in given ? dvdLun : diskLun
  of(given, at)
  return given
}
