import type { RequestResult, ScsiCommand } from '@vmbus/storvsc'
import { synchronizeCache, transfer, unmap, unmapList } from './cdb.ts'
import type { StorageContext } from './context.ts'
import { LinuxDiskError } from './errors.ts'
import { unitOf, type Io, type IoKind, type IoResult, type Unit, type UnitAt } from './state.ts'

/** Linux counts in sectors of 512 bytes, whatever a disk's blocks are. */
export const SECTOR = 512
const PAGE = 4096
/** 1280 KiB unless the controller takes less (include/linux/blkdev.h, BLK_DEF_MAX_SECTORS). */
const MOST_SECTORS = 2560
/** A discard's bytes fit 32 bits (block/blk-lib.c, bio_discard_limit). */
const MOST_DISCARDED = 0x7f_ffff

const usableUnit = ({ state }: StorageContext, at: UnitAt): Unit => {
  const unit = unitOf(state, at)
  if (unit === undefined || !unit.ready) throw new LinuxDiskError('disk', 'none', 'a disk that is there')
  return unit
}

function checkRange(unit: Unit, sector: number, count: number): void {
  const perBlock = unit.blockSize / SECTOR
  const sectors = unit.blocks * perBlock
  const isAligned = sector % perBlock === 0 && count % perBlock === 0
  if (!Number.isSafeInteger(sector) || sector < 0 || !isAligned || sector >= sectors)
    throw new LinuxDiskError('sector', sector, `0 to ${sectors - 1}, in steps of ${perBlock}`)
  if (!Number.isSafeInteger(count) || count <= 0 || sector + count > sectors)
    throw new LinuxDiskError('count', count, `1 to ${sectors - sector}`)
}

/** Sectors of the first request for `count` from `sector`: it ends on a physical block (block/blk-merge.c, get_max_io_size). */
function firstPart(unit: Unit, maxBytes: number, sector: number, count: number): number {
  const most = Math.min(MOST_SECTORS, Math.floor(maxBytes / PAGE) * (PAGE / SECTOR))
  const physical = unit.physicalBlockSize / SECTOR
  const start = sector % physical
  const aligned = most + start - ((most + start) % physical)
  return Math.min(count, aligned > start ? aligned - start : most)
}

const requestOf = (ctx: StorageContext, kind: IoKind, pfns: readonly number[], bytes: number): [number, Io] => {
  const io: Io = { kind, pfns, bytes, left: 0, outcome: 'good' }
  const id = ctx.state.nextIo++
  ctx.state.io[id] = io
  return [id, io]
}

function send(ctx: StorageContext, id: number, io: Io, unit: Unit, command: Omit<ScsiCommand, keyof UnitAt>): void {
  const { path, target, lun, tagged } = unit
  const request = ctx.driver.submit({ path, target, lun, tagged, ...command })
  ctx.state.parts[request] = id
  io.left++
}

/** Direct I/O: the owner's bytes are in whole pages of their own. */
export function readOrWrite(ctx: StorageContext, at: UnitAt, sector: number, count: number, data?: Uint8Array): number {
  const unit = usableUnit(ctx, at)
  checkRange(unit, sector, count)
  const isWrite = data !== undefined
  if (isWrite && unit.readOnly) throw new LinuxDiskError('disk', unit.name, 'one that can be written')
  const bytes = count * SECTOR
  const pfns = ctx.deps.pages.allocate(Math.ceil(bytes / PAGE))
  if (isWrite) fill(ctx, pfns, data)
  const [id, io] = requestOf(ctx, isWrite ? 'write' : 'read', pfns, bytes)
  const perBlock = unit.blockSize / SECTOR
  for (let done = 0; done < count;) {
    const part = firstPart(unit, ctx.driver.maxTransferBytes, sector + done, count - done)
    const from = done * SECTOR
    const byteOffset = from % PAGE
    const first = (from - byteOffset) / PAGE
    const pages = Math.ceil((byteOffset + part * SECTOR) / PAGE)
    send(ctx, id, io, unit, {
      cdb: transfer(isWrite, (sector + done) / perBlock, part / perBlock),
      direction: isWrite ? 'write' : 'read',
      buffer: { byteOffset, byteCount: part * SECTOR, pfns: pfns.slice(first, first + pages) },
    })
    done += part
  }
  return id
}

function fill({ deps }: StorageContext, pfns: readonly number[], data: Uint8Array): void {
  pfns.forEach((pfn, index) => deps.memory.bytes.set(data.subarray(index * PAGE, (index + 1) * PAGE), pfn * PAGE))
}

/** What was written before is on the disk once it ends; a disk without a cache has nothing to do. */
export function flush(ctx: StorageContext, at: UnitAt): number {
  const unit = usableUnit(ctx, at)
  const [id, io] = requestOf(ctx, 'flush', [], 0)
  if (unit.writeCache) send(ctx, id, io, unit, { cdb: synchronizeCache() })
  else ended(ctx, id, io)
  return id
}

/** Gives blocks back: one UNMAP with one descriptor in a page of its own for each part. */
export function discard(ctx: StorageContext, at: UnitAt, sector: number, count: number): number {
  const unit = usableUnit(ctx, at)
  checkRange(unit, sector, count)
  if (!unit.unmap) throw new LinuxDiskError('disk', unit.name, 'one that takes space back')
  const perBlock = unit.blockSize / SECTOR
  const most = MOST_DISCARDED - (MOST_DISCARDED % perBlock)
  const pfns = ctx.deps.pages.allocate(Math.ceil(count / most))
  const [id, io] = requestOf(ctx, 'discard', pfns, 0)
  pfns.forEach((pfn, index) => {
    const part = Math.min(most, count - index * most)
    const list = unmapList((sector + index * most) / perBlock, part / perBlock)
    ctx.deps.memory.bytes.set(list, pfn * PAGE)
    send(ctx, id, io, unit, {
      cdb: unmap(list.length),
      direction: 'write',
      buffer: { byteOffset: 0, byteCount: list.length, pfns: [pfn] },
    })
  })
  return id
}

/** A request on the wire ended; true when it was part of one of the owner's. */
export function partEnded(ctx: StorageContext, request: number, { outcome }: RequestResult): boolean {
  const { state } = ctx
  const id = state.parts[request]
  const io = id === undefined ? undefined : state.io[id]
  if (id === undefined || io === undefined) return false
  delete state.parts[request]
  io.left--
  if (io.outcome === 'good') io.outcome = outcome
  if (io.left === 0) ended(ctx, id, io)
  return true
}

function ended(ctx: StorageContext, id: number, { kind, pfns, bytes, outcome }: Io): void {
  const { state, deps } = ctx
  delete state.io[id]
  const data = kind === 'read' && outcome === 'good' ? gather(ctx, pfns, bytes) : undefined
  deps.pages.free(pfns)
  state.results[id] = data === undefined ? { outcome } : { outcome, data }
  deps.event('io', { id, kind, outcome })
}

function gather({ deps }: StorageContext, pfns: readonly number[], bytes: number): Uint8Array {
  const data = new Uint8Array(bytes)
  pfns.forEach((pfn, index) => {
    const from = index * PAGE
    data.set(deps.memory.bytes.subarray(pfn * PAGE, pfn * PAGE + Math.min(PAGE, bytes - from)), from)
  })
  return data
}

/** How a request ended, once; undefined while it is under way. */
export function take({ state }: StorageContext, id: number): IoResult | undefined {
  const result = state.results[id]
  delete state.results[id]
  return result
}
