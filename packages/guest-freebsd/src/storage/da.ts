import type { GuestBus, GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { storvsc, type Disk, type StorvscGuest, type StorvscGuestOptions } from '@vmbus/storvsc'
import { anything, list, pair, plainCopy, restoreState, stateForm, text } from '@vmbus/world'
import {
  FreebsdDiskError,
  deleteBlocks,
  flush,
  ioState,
  noIo,
  partEnded,
  readOrWrite,
  take,
  type IoContext,
  type IoResult,
  type IoState,
} from './io.ts'
import type { Units } from './units.ts'

/**
 * A disk as da(4) has it. Sectors are the disk's own, of `sectorSize` bytes. A request returns its id at once and ends
 * later, once: the guest has an event `driver:io` then, and `take` says how it went.
 */
export interface FreebsdDisk {
  /** `da0`. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  readonly sectorSize: number
  /** `GEOM::stripesize`: bytes of a physical sector. */
  readonly stripeSize: number
  readonly vendor: string
  readonly product: string
  readonly readOnly: boolean
  /** BIO_DELETE sends UNMAP. */
  readonly canDelete: boolean
  /** Target and LUN: `scbus0 target 0 lun 0`. */
  readonly address: string
  /** Throws VMBUS_FREEBSD_DISK for sectors that are not there. */
  read(sector: number, count: number): number
  /** Whole sectors, from `sector` on. Throws VMBUS_FREEBSD_DISK. */
  write(sector: number, data: Uint8Array): number
  /** BIO_FLUSH: what was written before survives a power cut once this ends well. */
  flush(): number
  /** BIO_DELETE. Throws VMBUS_FREEBSD_DISK for a disk that cannot. */
  delete(sector: number, count: number): number
  /** How a request ended, once; undefined while it is under way. */
  take(id: number): IoResult | undefined
}

/** storvsc with CAM and da above it: one controller. */
export interface StorageDriver extends GuestDriver {
  /** In the order in which they were found. */
  readonly disks: readonly FreebsdDisk[]
  /** The version agreed on, 0 before. */
  readonly version: number
}

export interface StorageOptions {
  readonly driver: StorvscGuestOptions
  readonly units: Units
  /** CAM looks again when the host says that units came. */
  readonly hotLun: boolean
  readonly unmap: boolean
}

interface Saved {
  readonly instanceId: string
  readonly names: readonly (readonly [place: string, name: string])[]
  readonly io: IoState
  readonly driver: unknown
}

const FORM = stateForm<Saved>('freebsd-storvsc', 1, {
  instanceId: text,
  names: list(pair(text, text)),
  io: ioState,
  driver: anything,
})

const DIRECT_ACCESS = 0
/** 32 whole pages: 33 segments less the one that an unaligned buffer needs (hv_storvsc_drv_freebsd.c). */
const MOST_BYTES = 128 << 10
const placeOf = ({ path, target, lun }: Pick<Disk, 'path' | 'target' | 'lun'>): string => `${path}:${target}:${lun}`

/** What a controller's disks share. */
interface Controller {
  readonly io: IoContext
  readonly driver: StorvscGuest
  readonly unmap: boolean
}

function found({ driver }: Controller, place: string): Disk {
  const disk = driver.disks.find((each) => placeOf(each) === place)
  if (disk === undefined) throw new FreebsdDiskError('the disk is gone')
  return disk
}

function diskAt(controller: Controller, place: string, name: string): FreebsdDisk {
  const { io, unmap } = controller
  const now = (): Disk => found(controller, place)
  const { vendor, product, target, lun } = now()
  return {
    name,
    get size() {
      const { sectors, sectorSize } = now()
      return sectors * sectorSize
    },
    get sectorSize() {
      return now().sectorSize
    },
    get stripeSize() {
      return now().physicalSectorSize
    },
    vendor,
    product,
    get readOnly() {
      return now().readOnly
    },
    get canDelete() {
      return unmap && now().unmap
    },
    address: `target ${target} lun ${lun}`,
    read: (sector, count) => readOrWrite(io, now(), sector, count),
    write(sector, data) {
      const disk = now()
      if (data.length === 0 || data.length % disk.sectorSize !== 0)
        throw new FreebsdDiskError(`${data.length} bytes are no whole sectors of ${disk.sectorSize}`)
      return readOrWrite(io, disk, sector, data.length / disk.sectorSize, data)
    },
    flush: () => flush(io, now()),
    delete(sector, count) {
      const disk = now()
      if (!unmap || !disk.unmap) throw new FreebsdDiskError(`${name} takes no space back`)
      return deleteBlocks(io, disk, sector, count)
    },
    take: (id) => take(io, id),
  }
}

export function storage({ driver: given, units, hotLun, unmap }: StorageOptions, deps: GuestDriverDeps): StorageDriver {
  let instanceId = ''
  const names = new Map<string, string>()

  const driver = storvsc
    .driver({
      ...given,
      scan: hotLun,
      // Without it CAM still looks once, when the controller is there.
      onReady: () => {
        if (!hotLun) driver.scan()
      },
      onDisk(disk) {
        if (disk.deviceType !== DIRECT_ACCESS) return
        const place = placeOf(disk)
        const isNew = !names.has(place)
        const name = units.add(`${instanceId}/${place}`)
        names.set(place, name)
        deps.event(isNew ? 'disk' : 'disk-changed', name)
      },
      onDiskGone(disk) {
        const place = placeOf(disk)
        const name = names.get(place)
        if (name === undefined) return
        names.delete(place)
        units.remove(`${instanceId}/${place}`)
        deps.event('disk-gone', name)
      },
      onComplete: (id, { outcome }) => partEnded(io, id, outcome),
    })
    .create(deps)
  const io: IoContext = { deps, driver, most: MOST_BYTES, state: noIo() }
  const controller: Controller = { io, driver, unmap }

  return {
    get version() {
      return driver.version
    },
    get disks() {
      return [...names].map(([place, name]) => diskAt(controller, place, name))
    },
    offered(channel) {
      instanceId = channel.offer.instanceId
      driver.offered(channel)
    },
    opened: (channel, status) => driver.opened(channel, status),
    readable: (channel) => driver.readable(channel),
    writable: (channel) => driver.writable?.(channel),
    closed: (channel) => driver.closed?.(channel),
    rescinded: (channel) => driver.rescinded(channel),
    timer: (name) => driver.timer?.(name),
    save: () => ({ ...FORM.head, instanceId, names: [...names], io: plainCopy(io.state), driver: driver.save() }),
    checkState: (saved) => driver.checkState?.(restoreState(saved, FORM).driver),
    restore(saved, channels) {
      const state = restoreState(saved, FORM)
      instanceId = state.instanceId
      names.clear()
      for (const [place, name] of state.names) names.set(place, name)
      io.state = plainCopy(state.io)
      driver.restore(state.driver, channels)
    },
    inspect: () => ({ ...driver.inspect(), names: Object.fromEntries(names) }),
  }
}

const isStorage = (driver: GuestDriver | undefined): driver is StorageDriver =>
  driver !== undefined && 'disks' in driver && 'version' in driver

export const disksOf = (bus: GuestBus): readonly FreebsdDisk[] =>
  bus.devices.flatMap(({ driver }) => (isStorage(driver) ? driver.disks : []))
