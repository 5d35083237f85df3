import type { GuestDriver, GuestDriverDeps, PageRange } from '@vmbus/core'
import {
  storvsc,
  type Disk,
  type RequestOutcome,
  type StorvscGuest,
  type StorvscGuestOptions,
  type UnitAddress,
} from '@vmbus/storvsc'
import { plainCopy } from '@vmbus/world'
import { WindowsError } from '../errors.ts'
import { checkSectors, type DriveResult, type DriveTable, type WindowsDisk } from './drives.ts'

const PAGE = 4096
/** Peripheral device type of a disk (SPC-4). */
const DISK = 0

/** A request of the owner: the parts of it that are on the wire end it. */
interface Io {
  readonly kind: 'read' | 'write' | 'flush' | 'unmap'
  readonly pfns: readonly number[]
  readonly bytes: number
  left: number
  outcome: RequestOutcome
}

interface State {
  v: 1
  /** Numbers of the disks that were found, by address. */
  numbers: Record<string, number>
  nextIo: number
  io: Record<number, Io>
  /** Which of `io` a request on the wire is part of. */
  parts: Record<number, number>
  results: Record<number, DriveResult>
}

interface Saved extends State {
  readonly driver: unknown
}

const keyOf = ({ path = 0, target = 0, lun = 0 }: UnitAddress): string => `${path}:${target}:${lun}`

/** storvsc.sys under StorPort: one controller and its disks. */
export function storageDriver(
  options: Pick<StorvscGuestOptions, 'versions' | 'behaviour'>,
  table: DriveTable,
  deps: GuestDriverDeps,
): GuestDriver {
  let state: State = { v: 1, numbers: {}, nextIo: 1, io: {}, parts: {}, results: {} }
  const driver: StorvscGuest = storvsc
    .driver({
      ...options,
      onDisk(disk) {
        if (disk.deviceType !== DISK || state.numbers[keyOf(disk)] !== undefined) return
        register(disk)
        deps.event('disk', `PhysicalDrive${state.numbers[keyOf(disk)]}`)
      },
      onDiskGone: gone,
      onComplete: (request, { outcome }) => partEnded(request, outcome),
    })
    .create(deps)

  function register(disk: Disk, number?: number): void {
    state.numbers[keyOf(disk)] = table.register((name) => handle(disk, name), number)
  }

  function gone(disk: UnitAddress): void {
    const number = state.numbers[keyOf(disk)]
    if (number === undefined) return
    table.remove(number)
    delete state.numbers[keyOf(disk)]
    deps.event('disk-gone', `PhysicalDrive${number}`)
  }

  const begin = (kind: Io['kind'], bytes: number): [number, Io] => {
    const io: Io = { kind, bytes, pfns: deps.pages.allocate(Math.ceil(bytes / PAGE)), left: 0, outcome: 'good' }
    const id = state.nextIo++
    state.io[id] = io
    return [id, io]
  }

  const part = (id: number, io: Io, request: number): void => {
    state.parts[request] = id
    io.left++
  }

  function transfer(disk: Disk, name: string, sector: number, count: number, data?: Uint8Array): number {
    checkSectors(name, disk.sectors, sector, count)
    const { sectorSize } = disk
    const [id, io] = begin(data === undefined ? 'read' : 'write', count * sectorSize)
    if (data !== undefined)
      io.pfns.forEach((pfn, index) =>
        deps.memory.bytes.set(data.subarray(index * PAGE, (index + 1) * PAGE), pfn * PAGE),
      )
    const most = Math.max(1, Math.floor(driver.maxTransferBytes / PAGE))
    for (let page = 0; page < io.pfns.length; page += most) {
      const byteCount = Math.min(most * PAGE, io.bytes - page * PAGE)
      const buffer: PageRange = { byteOffset: 0, byteCount, pfns: io.pfns.slice(page, page + most) }
      const from = sector + (page * PAGE) / sectorSize
      part(id, io, data === undefined ? driver.read(disk, from, buffer) : driver.write(disk, from, buffer))
    }
    return id
  }

  function partEnded(request: number, outcome: RequestOutcome): void {
    const id = state.parts[request]
    const io = id === undefined ? undefined : state.io[id]
    if (id === undefined || io === undefined) return
    delete state.parts[request]
    io.left--
    if (io.outcome === 'good') io.outcome = outcome
    if (io.left > 0) return
    delete state.io[id]
    const data = io.kind === 'read' && io.outcome === 'good' ? gather(io) : undefined
    deps.pages.free(io.pfns)
    state.results[id] = { outcome: io.outcome, ...(data === undefined ? {} : { data }) }
    deps.event('io', { id, kind: io.kind, outcome: io.outcome })
  }

  function gather({ pfns, bytes }: Io): Uint8Array {
    const data = new Uint8Array(bytes)
    pfns.forEach((pfn, index) => {
      const from = index * PAGE
      data.set(deps.memory.bytes.subarray(pfn * PAGE, pfn * PAGE + Math.min(PAGE, bytes - from)), from)
    })
    return data
  }

  function handle(found: Disk, name: string): WindowsDisk {
    const key = keyOf(found)
    // It may have grown since it was found.
    const now = (): Disk => driver.disks.find((disk) => keyOf(disk) === key) ?? found
    return {
      name,
      get size() {
        return now().sectors * now().sectorSize
      },
      get sectorSize() {
        return now().sectorSize
      },
      get physicalSectorSize() {
        return now().physicalSectorSize
      },
      vendor: found.vendor,
      product: found.product,
      get readOnly() {
        return now().readOnly
      },
      get canUnmap() {
        return now().unmap
      },
      get protocol() {
        return driver.version
      },
      read: (sector, count) => transfer(now(), name, sector, count),
      write(sector, data) {
        const { sectorSize } = now()
        if (data.length % sectorSize !== 0)
          throw new WindowsError('VMBUS_WINDOWS_DISK', `${name} has sectors of ${sectorSize} bytes`)
        return transfer(now(), name, sector, data.length / sectorSize, data)
      },
      flush() {
        const [id, io] = begin('flush', 0)
        part(id, io, driver.flush(now()))
        return id
      },
      unmap(sector, count) {
        const disk = now()
        checkSectors(name, disk.sectors, sector, count)
        if (!disk.unmap) throw new WindowsError('VMBUS_WINDOWS_DISK', `${name} takes no space back`)
        const [id, io] = begin('unmap', 0)
        part(id, io, driver.unmap(disk, [{ sector, count }]))
        return id
      },
      take(id) {
        const result = state.results[id]
        delete state.results[id]
        return result
      },
    }
  }

  return {
    offered: (channel) => driver.offered(channel),
    opened: (channel, status) => driver.opened(channel, status),
    readable: (channel) => driver.readable(channel),
    writable: (channel) => driver.writable?.(channel),
    closed: (channel) => driver.closed?.(channel),
    timer: (name) => driver.timer?.(name),
    rescinded(channel) {
      driver.rescinded(channel)
      if (channel.offer.subchannelIndex > 0) return
      for (const key of Object.keys(state.numbers)) {
        const [path = 0, target = 0, lun = 0] = key.split(':').map(Number)
        gone({ path, target, lun })
      }
    },
    save: (): Saved => ({ ...plainCopy(state), driver: driver.save() }),
    restore(saved, channels) {
      const { driver: savedDriver, ...rest } = plainCopy(saved) as Saved
      state = rest
      driver.restore(savedDriver, channels)
      for (const disk of driver.disks) {
        const number = state.numbers[keyOf(disk)]
        if (number !== undefined) register(disk, number)
      }
    },
    inspect: () => ({ ...driver.inspect(), numbers: { ...state.numbers }, requests: Object.keys(state.io).length }),
  }
}
