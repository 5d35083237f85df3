import { damaged, unsupported } from '../errors.ts'
import { equalBytes } from '../identity.ts'
import { punchAll, writeZeros, type ByteStore } from '../store.ts'
import { FOOTER_SIZE, VHD_SECTOR, encodeFooter, type VhdFooter } from './footer.ts'
import { HEADER_SIZE, type VhdHeader } from './header.ts'
import {
  alignedSlot,
  bitmapSize,
  sectorsPerBlock,
  slotSize,
  slotsBetween,
  takeSlot,
  withoutTail,
  type FreeRun,
} from './slots.ts'

/** A table entry of a block that is not in the file. */
const UNUSED = 0xffffffff

/** The tables of an open dynamic or differencing VHD, as plain data. Offsets and sizes in bytes. */
export interface SparseTables {
  footer: VhdFooter
  header: VhdHeader
  /** The block allocation table: big-endian u32 sector numbers, whole sectors of them. */
  table: Uint8Array
  /** Sectors of the table that the file does not have yet. */
  dirtyTable: Set<number>
  /** Sector bitmaps that were read or made; most significant bit first. */
  bitmaps: Map<number, Uint8Array>
  /** Blocks whose bitmap the file does not have yet. */
  dirtyBitmaps: Set<number>
  /** Where the blocks end and the footer is. */
  end: number
  /** A footer, at the start or at the end, is missing or out of date. */
  footerDirty: boolean
  /** Slots (bitmap and block) that no entry names, in the file as flushed. */
  free: FreeRun[]
  /** Slots that the flushed file still names: not to be used before the next flush. */
  pendingFree: number[]
}

const NAME = 'VHD block allocation table'
/** Larger tables are refused, so that a hostile image does not take all memory: 256 MiB are of a disk of 128 TiB at 2 MiB a block. */
const MAX_TABLE = 2 ** 28
/** Bytes of the table that are read and checked at a time. */
const PIECE = 2 ** 16

/** Bytes of a table with so many entries: "always extended to a sector boundary". */
export function tableSize(entries: number): number {
  return Math.ceil((entries * 4) / VHD_SECTOR) * VHD_SECTOR
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Byte offset of a block's slot, -1 when it is not in the file. */
export function slotOf(tables: SparseTables, block: number): number {
  const entry = viewOf(tables.table).getUint32(block * 4)
  return entry === UNUSED ? -1 : entry * VHD_SECTOR
}

function setSlot(tables: SparseTables, block: number, offset: number): void {
  viewOf(tables.table).setUint32(block * 4, offset < 0 ? UNUSED : offset / VHD_SECTOR)
  tables.dirtyTable.add(Math.floor((block * 4) / VHD_SECTOR))
}

/** Reads and checks the table: every slot inside the file, and nothing on top of anything else. */
export function loadTables(
  store: ByteStore,
  footer: VhdFooter,
  header: VhdHeader,
  footerAt: number | undefined,
): SparseTables {
  const needed = Math.ceil(footer.currentSize / header.blockSize)
  if (header.tableEntries < needed) {
    throw damaged(NAME, `${header.tableEntries} entries do not hold the ${needed} blocks of the disk`, {
      entries: header.tableEntries,
      needed,
    })
  }
  const size = tableSize(header.tableEntries)
  if (size > MAX_TABLE) throw unsupported(NAME, `${header.tableEntries} entries are more than ${MAX_TABLE / 4}`)
  if (header.tableOffset + size > store.size)
    throw damaged(NAME, `it ends at ${header.tableOffset + size}, after the end of the file (${store.size})`)
  const table = new Uint8Array(size)
  const used = usedRanges(store, table, footer, header, footerAt ?? store.size)
  used.sort((a, b) => a.from - b.from)
  const free: FreeRun[] = []
  const leave = (from: number, to: number): void => {
    const run = slotsBetween(header, from, to)
    if (run !== undefined) free.push(run)
  }
  let last: Range = { name: 'the start of the file', from: 0, to: 0 }
  for (const range of used) {
    if (range.from < last.to) throw damaged(NAME, `${range.name} overlaps ${last.name}`)
    leave(last.to, range.from)
    last = range
  }
  if (footerAt !== undefined) leave(last.to, footerAt)
  return {
    footer,
    header,
    table,
    dirtyTable: new Set(),
    bitmaps: new Map(),
    dirtyBitmaps: new Set(),
    end: footerAt ?? last.to,
    footerDirty: footerAt === undefined || !isCopied(store, footer),
    free,
    pendingFree: [],
  }
}

/** Whether the start of the file says what its end does: what was torn or damaged of the two is written again. */
function isCopied(store: ByteStore, { origin }: VhdFooter): boolean {
  const bytes = new Uint8Array(FOOTER_SIZE)
  store.read(0, bytes)
  return origin !== undefined && equalBytes(bytes, origin)
}

/**
 * Reads the table and says what the file is used for. An entry that cannot be ends it at once: a hole in a sparse file reads
 * as entries that name sector 0, so what is read to the end is there for real.
 */
function usedRanges(store: ByteStore, table: Uint8Array, footer: VhdFooter, header: VhdHeader, limit: number): Range[] {
  const used = structures(footer, header)
  const slot = slotSize(header)
  const view = viewOf(table)
  const first = used[0] as Range
  for (let block = 0; block < header.tableEntries; block++) {
    if ((block * 4) % PIECE === 0)
      store.read(header.tableOffset + block * 4, table, block * 4, Math.min(PIECE, table.length - block * 4))
    const entry = view.getUint32(block * 4)
    if (entry === UNUSED) continue
    const from = entry * VHD_SECTOR
    if (from + slot > limit)
      throw damaged(NAME, `block ${block} lies at sector ${entry}, past the end of the file`, { block, sector: entry })
    if (from < first.to) throw damaged(NAME, `block ${block} overlaps ${first.name}`, { block, sector: entry })
    used.push({ name: `block ${block}`, from, to: from + slot })
  }
  return used
}

interface Range {
  readonly name: string
  readonly from: number
  readonly to: number
}

/** Where everything but the blocks lies. */
export function structures(footer: VhdFooter, header: VhdHeader): Range[] {
  const at = footer.headerOffset ?? 0
  return [
    { name: 'the copy of the footer', from: 0, to: FOOTER_SIZE },
    { name: 'the dynamic disk header', from: at, to: at + HEADER_SIZE },
    { name: 'the table', from: header.tableOffset, to: header.tableOffset + tableSize(header.tableEntries) },
    ...header.locators
      .filter(({ length }) => length > 0)
      .map(({ platform, offset, length }) => ({
        name: `parent locator ${platform}`,
        from: offset,
        to: offset + Math.ceil(length / VHD_SECTOR) * VHD_SECTOR,
      })),
  ]
}

/** Gives a block its place: zeros, and a bitmap of `present`. The file names it after the next flush. */
export function allocate(store: ByteStore, tables: SparseTables, block: number, present: boolean): number {
  const { header, footer } = tables
  const bitmap = new Uint8Array(bitmapSize(header))
  if (present) bitmap.fill(0xff, 0, sectorsPerBlock(header) / 8)
  const reused = takeSlot(header, tables.free)
  let slot: number
  if (reused === undefined) {
    slot = alignedSlot(header, tables.end)
    const end = slot + slotSize(header)
    // The footer first, which also makes the file long enough, then the bitmap over the old footer.
    store.write(end, encodeFooter(footer))
    tables.end = end
  } else {
    slot = reused
    writeZeros(store, slot + bitmap.length, header.blockSize)
  }
  store.write(slot, bitmap)
  tables.bitmaps.set(block, bitmap)
  setSlot(tables, block, slot)
  return slot
}

/** Takes a block out of the file; its slot may be used again after the next flush. */
export function release(tables: SparseTables, block: number): void {
  const slot = slotOf(tables, block)
  if (slot < 0) return
  tables.pendingFree.push(slot)
  tables.bitmaps.delete(block)
  tables.dirtyBitmaps.delete(block)
  setSlot(tables, block, -1)
}

/**
 * Makes everything durable. The format has no log, so order is all there is: first what the tables will name, then the
 * tables, in sectors of 512 bytes that are old or new, then what relies on them.
 */
export function commit(store: ByteStore, tables: SparseTables): void {
  store.flush()
  if (tables.dirtyTable.size > 0 || tables.dirtyBitmaps.size > 0 || tables.footerDirty) {
    for (const block of tables.dirtyBitmaps) store.write(slotOf(tables, block), tables.bitmaps.get(block) as Uint8Array)
    for (const sector of tables.dirtyTable) {
      store.write(tables.header.tableOffset + sector * VHD_SECTOR, tables.table, sector * VHD_SECTOR, VHD_SECTOR)
    }
    if (tables.footerDirty) {
      store.write(0, encodeFooter(tables.footer))
      store.write(tables.end, encodeFooter(tables.footer))
      store.truncate(tables.end + FOOTER_SIZE)
    }
    store.flush()
    tables.dirtyBitmaps.clear()
    tables.dirtyTable.clear()
    tables.footerDirty = false
  }
  if (tables.pendingFree.length > 0) {
    const freed = tables.pendingFree
    tables.pendingFree = []
    for (const at of freed) tables.free.push({ at, count: 1 })
    cutTail(store, tables)
    punchAll(
      store,
      freed.filter((offset) => offset < tables.end).map((offset) => ({ offset, length: slotSize(tables.header) })),
    )
  }
}

/** Shortens the file by the free slots at its end. */
function cutTail(store: ByteStore, tables: SparseTables): void {
  const { header, footer } = tables
  const least = structures(footer, header).reduce((most, { to }) => Math.max(most, to), 0)
  const { end, free } = withoutTail(header, tables.free, tables.end, least)
  if (end === tables.end) return
  store.write(end, encodeFooter(footer))
  store.flush()
  tables.end = end
  tables.free = free
  store.truncate(end + FOOTER_SIZE)
  store.flush()
}
