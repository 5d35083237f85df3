import type { BlockDevice } from '../block.ts'
import type { Image } from '../device.ts'
import { readFrom } from '../parent-read.ts'
import { copySector, eachBlock, inBlocks, readMixed, type BlockTransfer } from '../parts.ts'
import { inPieces, writeZeros, type ByteStore } from '../store.ts'
import { VHD_SECTOR } from './footer.ts'
import { resizeSparse } from './resize.ts'
import { bitmapSize } from './slots.ts'
import { accepted, saved } from './state.ts'
import { allocate, commit, release, slotOf, type SparseTables } from './table.ts'

/** Bytes of clean bitmaps that stay in memory: 4096 of them at the usual block size. */
const CLEAN_BITMAPS = 2 ** 21

/** What reading and writing blocks needs. A slot is a bitmap, then the block's data `dataAt` bytes behind its start. */
interface SparseFile {
  readonly store: ByteStore
  readonly tables: SparseTables
  readonly parent: BlockDevice | undefined
  readonly blockSize: number
  readonly dataAt: number
}

function bitmapOf({ store, tables, dataAt }: SparseFile, block: number, slot: number): Uint8Array {
  const known = tables.bitmaps.get(block)
  if (known !== undefined) return known
  if ((tables.bitmaps.size - tables.dirtyBitmaps.size) * dataAt > CLEAN_BITMAPS) {
    for (const each of tables.bitmaps.keys()) if (!tables.dirtyBitmaps.has(each)) tables.bitmaps.delete(each)
  }
  const bits = new Uint8Array(dataAt)
  store.read(slot, bits)
  tables.bitmaps.set(block, bits)
  return bits
}

const has = (bits: Uint8Array, sector: number): boolean =>
  ((bits[sector >> 3] as number) & (0x80 >> (sector & 7))) !== 0

function readBlock(
  file: SparseFile,
  block: number,
  at: number,
  buffer: Uint8Array,
  start: number,
  length: number,
): void {
  const { store, tables, parent, blockSize, dataAt } = file
  const slot = slotOf(tables, block)
  if (parent === undefined) {
    if (slot < 0) buffer.fill(0, start, start + length)
    else store.read(slot + dataAt + at, buffer, start, length)
    return
  }
  if (slot < 0) return readFrom(parent, block * blockSize + at, buffer, start, length)
  const bits = bitmapOf(file, block, slot)
  const source = {
    sectorSize: VHD_SECTOR,
    has: (sector: number) => has(bits, sector),
    own: (from: number, to: number, count: number) => store.read(slot + dataAt + from, buffer, to, count),
    parent,
    blockStart: block * blockSize,
  }
  readMixed(source, at, buffer, start, length)
}

function completeSector(
  { store, parent, blockSize, dataAt }: SparseFile,
  block: number,
  slot: number,
  bits: Uint8Array,
  at: number,
): void {
  const sector = Math.floor(at / VHD_SECTOR)
  if (parent === undefined || at % VHD_SECTOR === 0 || has(bits, sector)) return
  const from = sector * VHD_SECTOR
  copySector(parent, block * blockSize + from, store, slot + dataAt + from, VHD_SECTOR)
}

function writeBlock(
  file: SparseFile,
  block: number,
  at: number,
  buffer: Uint8Array,
  start: number,
  length: number,
): void {
  const { store, tables, parent, dataAt } = file
  let slot = slotOf(tables, block)
  if (slot < 0) slot = allocate(store, tables, block, parent === undefined)
  const bits = bitmapOf(file, block, slot)
  completeSector(file, block, slot, bits, at)
  completeSector(file, block, slot, bits, at + length)
  store.write(slot + dataAt + at, buffer, start, length)
  const last = Math.floor((at + length - 1) / VHD_SECTOR)
  for (let sector = Math.floor(at / VHD_SECTOR); sector <= last; sector++) {
    if (has(bits, sector)) continue
    bits[sector >> 3] = (bits[sector >> 3] as number) | (0x80 >> (sector & 7))
    tables.dirtyBitmaps.add(block)
  }
}

function zeroBlock(file: SparseFile, block: number, at: number, count: number, whole: boolean): void {
  const { store, tables, parent, dataAt } = file
  const slot = slotOf(tables, block)
  if (parent !== undefined)
    inPieces(count, (done, zeros, length) => writeBlock(file, block, at + done, zeros, 0, length))
  else if (whole) release(tables, block)
  else if (slot >= 0) writeZeros(store, slot + dataAt + at, count)
}

/** A dynamic VHD, or a differencing one when there is a parent. */
export function sparseVhd(
  store: ByteStore,
  tables: SparseTables,
  parent: BlockDevice | undefined,
  readOnly: boolean,
  closed: () => void,
): Image {
  const { blockSize } = tables.header
  const file: SparseFile = { store, tables, parent, blockSize, dataAt: bitmapSize(tables.header) }
  const read: BlockTransfer = (block, at, buffer, start, length) => readBlock(file, block, at, buffer, start, length)
  const write: BlockTransfer = (block, at, buffer, start, length) => writeBlock(file, block, at, buffer, start, length)
  return {
    format: 'vhd',
    sectorSize: VHD_SECTOR,
    physicalSectorSize: VHD_SECTOR,
    readOnly,
    identity: tables.footer.uniqueId,
    // A differencing block has no way to say "zeros", and without its slot the parent's data would come back.
    supportsDiscard: parent === undefined,
    discardGranularity: blockSize,
    linkage: () => tables.footer.uniqueId,
    size: () => tables.footer.currentSize,
    readAt: (position, buffer, start, length) => inBlocks(blockSize, read, position, buffer, start, length),
    writeAt: (position, buffer, start, length) => inBlocks(blockSize, write, position, buffer, start, length),
    flush: () => commit(store, tables),
    discardAt(position, length) {
      if (parent !== undefined) return
      eachBlock(position, length, blockSize, tables.footer.currentSize, (block, _at, _count, whole) => {
        if (whole) release(tables, block)
      })
    },
    zeroAt(position, length) {
      eachBlock(position, length, blockSize, tables.footer.currentSize, (block, at, count, whole) =>
        zeroBlock(file, block, at, count, whole),
      )
    },
    resize: (bytes) => resizeSparse(store, tables, bytes, parent !== undefined),
    close() {
      if (!readOnly) commit(store, tables)
      closed()
    },
    save: () => saved(store, tables),
    accept: (state) => accepted(state, store, tables),
    inspect: () => ({
      type: parent === undefined ? 'dynamic' : 'differencing',
      blockSize,
      creator: tables.footer.creator,
      freeSlots: tables.free.reduce((sum, { count }) => sum + count, 0),
      unflushed: tables.dirtyTable.size + tables.dirtyBitmaps.size,
      store: store.inspect(),
      ...(parent === undefined ? {} : { parent: parent.inspect() }),
    }),
  }
}
