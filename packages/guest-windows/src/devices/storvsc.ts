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

/** What requests to disks need. */
interface Requests {
  readonly deps: GuestDriverDeps
  readonly driver: StorvscGuest
  state: State
}

interface Context extends Requests {
  readonly table: DriveTable
}

/** storvsc.sys under StorPort: one controller and its disks. */
export function storageDriver(
  options: Pick<StorvscGuestOptions, 'versions' | 'behaviour'>,
  table: DriveTable,
  deps: GuestDriverDeps,
): GuestDriver {
  const driver = storvsc
    .driver({
      ...options,
      onDisk: (disk) => found(ctx, disk),
      onDiskGone: (disk) => gone(ctx, keyOf(disk)),
      onComplete: (request, { outcome }) => partEnded(ctx, request, outcome),
    })
    .create(deps)
  const ctx: Context = {
    deps,
    table,
    driver,
    state: { v: 1, numbers: {}, nextIo: 1, io: {}, parts: {}, results: {} },
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
      for (const key of Object.keys(ctx.state.numbers)) gone(ctx, key)
    },
    save: (): Saved => ({ ...plainCopy(ctx.state), driver: driver.save() }),
    restore(saved, channels) {
      const { driver: savedDriver, ...state } = plainCopy(saved) as Saved
      ctx.state = state
      driver.restore(savedDriver, channels)
      for (const disk of driver.disks) {
        const number = state.numbers[keyOf(disk)]
        if (number !== undefined) register(ctx, disk, number)
      }
    },
    inspect: () => ({
      ...driver.inspect(),
      numbers: { ...ctx.state.numbers },
      requests: Object.keys(ctx.state.io).length,
    }),
  }
}

function found(ctx: Context, disk: Disk): void {
  const { numbers } = ctx.state
  if (disk.deviceType !== DISK || numbers[keyOf(disk)] !== undefined) return
  register(ctx, disk)
  ctx.deps.event('disk', `PhysicalDrive${numbers[keyOf(disk)]}`)
}

function register(ctx: Context, disk: Disk, number?: number): void {
  ctx.state.numbers[keyOf(disk)] = ctx.table.register((name) => handle(ctx, disk, name), number)
}

function gone({ state, table, deps }: Context, key: string): void {
  const number = state.numbers[key]
  if (number === undefined) return
  table.remove(number)
  delete state.numbers[key]
  deps.event('disk-gone', `PhysicalDrive${number}`)
}

/** Records a request before its first part is sent. */
function beginIo({ state, deps }: Requests, kind: Io['kind'], bytes: number): [number, Io] {
  const io: Io = { kind, bytes, pfns: deps.pages.allocate(Math.ceil(bytes / PAGE)), left: 0, outcome: 'good' }
  const id = state.nextIo++
  state.io[id] = io
  return [id, io]
}

function addPart({ state }: Requests, id: number, io: Io, request: number): void {
  state.parts[request] = id
  io.left++
}

function transfer(ctx: Requests, disk: Disk, name: string, sector: number, count: number, data?: Uint8Array): number {
  const { driver, deps } = ctx
  checkSectors(name, disk.sectors, sector, count)
  const { sectorSize } = disk
  const [id, io] = beginIo(ctx, data === undefined ? 'read' : 'write', count * sectorSize)
  if (data !== undefined)
    io.pfns.forEach((pfn, index) => deps.memory.bytes.set(data.subarray(index * PAGE, (index + 1) * PAGE), pfn * PAGE))
  const most = Math.max(1, Math.floor(driver.maxTransferBytes / PAGE))
  for (let page = 0; page < io.pfns.length; page += most) {
    const byteCount = Math.min(most * PAGE, io.bytes - page * PAGE)
    const buffer: PageRange = { byteOffset: 0, byteCount, pfns: io.pfns.slice(page, page + most) }
    const from = sector + (page * PAGE) / sectorSize
    addPart(ctx, id, io, data === undefined ? driver.read(disk, from, buffer) : driver.write(disk, from, buffer))
  }
  return id
}

function partEnded({ state, deps }: Requests, request: number, outcome: RequestOutcome): void {
  const id = state.parts[request]
  const io = id === undefined ? undefined : state.io[id]
  if (id === undefined || io === undefined) return
  delete state.parts[request]
  io.left--
  if (io.outcome === 'good') io.outcome = outcome
  if (io.left > 0) return
  delete state.io[id]
  const data = io.kind === 'read' && io.outcome === 'good' ? { data: gather(deps, io) } : {}
  deps.pages.free(io.pfns)
  state.results[id] = { outcome: io.outcome, ...data }
  deps.event('io', { id, kind: io.kind, outcome: io.outcome })
}

function gather({ memory }: GuestDriverDeps, { pfns, bytes }: Io): Uint8Array {
  const data = new Uint8Array(bytes)
  pfns.forEach((pfn, index) => {
    const from = index * PAGE
    data.set(memory.bytes.subarray(pfn * PAGE, pfn * PAGE + Math.min(PAGE, bytes - from)), from)
  })
  return data
}

function handle(ctx: Requests, first: Disk, name: string): WindowsDisk {
  const { driver } = ctx
  const key = keyOf(first)
  // It may have grown since it was found.
  const now = (): Disk => driver.disks.find((disk) => keyOf(disk) === key) ?? first
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
    vendor: first.vendor,
    product: first.product,
    get readOnly() {
      return now().readOnly
    },
    get canUnmap() {
      return now().unmap
    },
    get protocol() {
      return driver.version
    },
    read: (sector, count) => transfer(ctx, now(), name, sector, count),
    write(sector, data) {
      const { sectorSize } = now()
      if (data.length % sectorSize !== 0)
        throw new WindowsError('VMBUS_WINDOWS_DISK', `${name} has sectors of ${sectorSize} bytes`)
      return transfer(ctx, now(), name, sector, data.length / sectorSize, data)
    },
    flush() {
      const [id, io] = beginIo(ctx, 'flush', 0)
      addPart(ctx, id, io, driver.flush(now()))
      return id
    },
    unmap(sector, count) {
      const disk = now()
      checkSectors(name, disk.sectors, sector, count)
      if (!disk.unmap) throw new WindowsError('VMBUS_WINDOWS_DISK', `${name} takes no space back`)
      const [id, io] = beginIo(ctx, 'unmap', 0)
      addPart(ctx, id, io, driver.unmap(disk, [{ sector, count }]))
      return id
    },
    take(id) {
      const result = ctx.state.results[id]
      delete ctx.state.results[id]
      return result
    },
  }
}
