import { DiskError, unsupported } from '../errors.ts'
import { writeZeros, type ByteStore } from '../store.ts'
import { VHD_MAX_SIZE, encodeFooter } from './footer.ts'
import { encodeHeader } from './header.ts'
import { bitmapSize } from './slots.ts'
import { commit, release, slotOf, structures, tableSize, type SparseTables } from './table.ts'

/**
 * Online resize of a dynamic VHD. Each step leaves an image that opens: with the old size until the footers are
 * written, with either size while they are, with the new one after.
 */
export function resizeSparse(store: ByteStore, tables: SparseTables, bytes: number, differencing: boolean): void {
  if (differencing) throw unsupported('VHD hard disk footer', 'a differencing VHD has the size of its parent')
  if (tables.footer.savedState) throw unsupported('VHD hard disk footer', 'a disk in saved state cannot be resized')
  if (bytes > VHD_MAX_SIZE)
    throw new DiskError('VMBUS_DISK_OPTION', `a VHD has at most 2040 GiB, not ${bytes} bytes`, { bytes })
  commit(store, tables)
  const old = tables.footer.currentSize
  const { blockSize } = tables.header
  if (bytes > old) {
    clearTail(store, tables, old, Math.min(bytes, Math.ceil(old / blockSize) * blockSize))
    growTable(store, tables, Math.ceil(bytes / blockSize))
    setSize(store, tables, bytes)
  } else {
    setSize(store, tables, bytes)
    for (let block = Math.ceil(bytes / blockSize); block < tables.header.tableEntries; block++) release(tables, block)
    commit(store, tables)
  }
}

/** What an earlier, longer disk left in its last block must not come back. */
function clearTail(store: ByteStore, tables: SparseTables, from: number, to: number): void {
  if (from === to) return
  const { blockSize } = tables.header
  const block = Math.floor(from / blockSize)
  const slot = slotOf(tables, block)
  if (slot >= 0) writeZeros(store, slot + bitmapSize(tables.header) + from - block * blockSize, to - from)
}

function setSize(store: ByteStore, tables: SparseTables, bytes: number): void {
  const footer = { ...tables.footer, currentSize: bytes }
  const encoded = encodeFooter(footer)
  try {
    store.write(0, encoded)
    store.write(tables.end, encoded)
    store.flush()
  } catch (error) {
    // Whichever of them reached the file is put right by the next flush.
    tables.footerDirty = true
    throw error
  }
  tables.footer = footer
}

function growTable(store: ByteStore, tables: SparseTables, entries: number): void {
  const { header, footer } = tables
  if (entries <= header.tableEntries) return
  const size = tableSize(entries)
  const table = new Uint8Array(size).fill(0xff)
  table.set(tables.table.subarray(0, header.tableEntries * 4))
  const inPlace = header.tableOffset + size <= roomAfterTable(tables)
  const tableOffset = inPlace ? header.tableOffset : tables.end
  if (inPlace) store.write(tableOffset, table)
  else {
    // Behind the blocks, where the footer was; the old table's place stays unused.
    store.write(tableOffset + size, encodeFooter(footer))
    store.write(tableOffset, table)
    tables.end += size
  }
  store.flush()
  const next = { ...header, tableOffset, tableEntries: entries }
  store.write(footer.headerOffset ?? 0, encodeHeader(next))
  store.flush()
  tables.header = next
  tables.table = table
}

/** Offset of the first thing behind the table. */
function roomAfterTable(tables: SparseTables): number {
  const { header, footer } = tables
  let limit = tables.end
  for (const { from } of structures(footer, header)) if (from > header.tableOffset) limit = Math.min(limit, from)
  for (let block = 0; block < header.tableEntries; block++) {
    const slot = slotOf(tables, block)
    if (slot > header.tableOffset) limit = Math.min(limit, slot)
  }
  for (const { at } of tables.free) if (at > header.tableOffset) limit = Math.min(limit, at)
  return limit
}
