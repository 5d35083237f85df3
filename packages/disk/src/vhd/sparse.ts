import {
  bytes,
  flag,
  integer,
  list,
  object,
  restoreState,
  stateForm,
  type StateForm,
  type StateHead,
} from '@vmbus/world'
import type { BlockDevice } from '../block.ts'
import type { Image } from '../device.ts'
import { DiskError } from '../errors.ts'
import { readFrom } from '../parent-read.ts'
import { multiple, savedStore } from '../state.ts'
import type { ByteStore, StoreState } from '../store.ts'
import { inPieces, writeZeros } from '../store.ts'
import { VHD_SECTOR, footerState, type VhdFooter } from './footer.ts'
import { headerState, type VhdHeader } from './header.ts'
import { resizeSparse } from './resize.ts'
import { bitmapSize, type FreeRun } from './slots.ts'
import { allocate, commit, release, slotOf, tableSize, type SparseTables } from './table.ts'

interface SavedBitmap {
  readonly block: number
  readonly bits: Uint8Array
  readonly dirty: boolean
}

interface SparseVhdFields {
  readonly footer: VhdFooter
  readonly header: VhdHeader
  readonly table: Uint8Array
  readonly dirtyTable: readonly number[]
  readonly bitmaps: readonly SavedBitmap[]
  readonly end: number
  readonly footerDirty: boolean
  readonly free: readonly FreeRun[]
  readonly pendingFree: readonly number[]
  readonly store: StoreState | undefined
}

/** Bytes of clean bitmaps that stay in memory: 4096 of them at the usual block size. */
const CLEAN_BITMAPS = 2 ** 21

function formOf(store: ByteStore, { footer, header }: SparseTables): StateForm<SparseVhdFields> {
  const block = integer(0, 2 ** 26)
  const bitmap = object<SavedBitmap>({ block, bits: bytes(bitmapSize(header)), dirty: flag })
  return stateForm<SparseVhdFields>('vhd', 2, {
    footer: footerState(footer),
    header: headerState(header),
    table: bytes(),
    dirtyTable: list(integer()),
    bitmaps: list(bitmap),
    end: multiple(VHD_SECTOR),
    footerDirty: flag,
    free: list(object<FreeRun>({ at: multiple(VHD_SECTOR), count: integer(1) })),
    pendingFree: list(multiple(VHD_SECTOR)),
    store: savedStore(store),
  })
}

/** What was saved, once its tables fit one another. */
function accepted(state: unknown, store: ByteStore, tables: SparseTables): SparseVhdFields {
  const saved = restoreState(state, formOf(store, tables))
  const { header, footer, table } = saved
  const fits =
    table.length === tableSize(header.tableEntries) &&
    header.tableEntries * header.blockSize >= footer.currentSize &&
    saved.dirtyTable.every((sector) => sector < table.length / VHD_SECTOR) &&
    saved.bitmaps.every(({ block }) => block < header.tableEntries)
  if (!fits) throw new DiskError('VMBUS_DISK_STATE', 'the tables of the saved disk do not fit its size')
  return saved
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
  const dataAt = bitmapSize(tables.header)

  const bitmapOf = (block: number, slot: number): Uint8Array => {
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

  const readBlock = (block: number, at: number, buffer: Uint8Array, start: number, length: number): void => {
    const slot = slotOf(tables, block)
    if (parent === undefined) {
      if (slot < 0) buffer.fill(0, start, start + length)
      else store.read(slot + dataAt + at, buffer, start, length)
      return
    }
    if (slot < 0) return readFrom(parent, block * blockSize + at, buffer, start, length)
    const bits = bitmapOf(block, slot)
    for (let done = 0; done < length;) {
      const here = has(bits, Math.floor((at + done) / VHD_SECTOR))
      let to = done
      while (to < length && has(bits, Math.floor((at + to) / VHD_SECTOR)) === here)
        to += VHD_SECTOR - ((at + to) % VHD_SECTOR)
      to = Math.min(to, length)
      if (here) store.read(slot + dataAt + at + done, buffer, start + done, to - done)
      else readFrom(parent, block * blockSize + at + done, buffer, start + done, to - done)
      done = to
    }
  }

  /** A sector that is written in part only must have the rest from the parent. */
  const completeSector = (block: number, slot: number, bits: Uint8Array, at: number): void => {
    const sector = Math.floor(at / VHD_SECTOR)
    if (parent === undefined || at % VHD_SECTOR === 0 || has(bits, sector)) return
    const whole = new Uint8Array(VHD_SECTOR)
    readFrom(parent, block * blockSize + sector * VHD_SECTOR, whole, 0, VHD_SECTOR)
    store.write(slot + dataAt + sector * VHD_SECTOR, whole)
  }

  const writeBlock = (block: number, at: number, buffer: Uint8Array, start: number, length: number): void => {
    let slot = slotOf(tables, block)
    if (slot < 0) slot = allocate(store, tables, block, parent === undefined)
    const bits = bitmapOf(block, slot)
    completeSector(block, slot, bits, at)
    completeSector(block, slot, bits, at + length)
    store.write(slot + dataAt + at, buffer, start, length)
    const last = Math.floor((at + length - 1) / VHD_SECTOR)
    for (let sector = Math.floor(at / VHD_SECTOR); sector <= last; sector++) {
      if (has(bits, sector)) continue
      bits[sector >> 3] = (bits[sector >> 3] as number) | (0x80 >> (sector & 7))
      tables.dirtyBitmaps.add(block)
    }
  }

  /** Calls `each` for the part of every block in a range; `whole` when all that the disk has of it is covered. */
  const blocks = (
    position: number,
    length: number,
    each: (block: number, at: number, count: number, whole: boolean) => void,
  ): void => {
    const end = position + length
    for (let from = position; from < end;) {
      const block = Math.floor(from / blockSize)
      const to = Math.min(end, (block + 1) * blockSize)
      each(
        block,
        from - block * blockSize,
        to - from,
        from === block * blockSize && (to === (block + 1) * blockSize || to === tables.footer.currentSize),
      )
      from = to
    }
  }

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
    readAt(position, buffer, start, length) {
      for (let done = 0; done < length;) {
        const block = Math.floor((position + done) / blockSize)
        const at = position + done - block * blockSize
        const count = Math.min(length - done, blockSize - at)
        readBlock(block, at, buffer, start + done, count)
        done += count
      }
    },
    writeAt(position, buffer, start, length) {
      for (let done = 0; done < length;) {
        const block = Math.floor((position + done) / blockSize)
        const at = position + done - block * blockSize
        const count = Math.min(length - done, blockSize - at)
        writeBlock(block, at, buffer, start + done, count)
        done += count
      }
    },
    flush: () => commit(store, tables),
    discardAt(position, length) {
      if (parent !== undefined) return
      blocks(position, length, (block, _at, _count, whole) => {
        if (whole) release(tables, block)
      })
    },
    zeroAt(position, length) {
      blocks(position, length, (block, at, count, whole) => {
        const slot = slotOf(tables, block)
        if (parent !== undefined)
          inPieces(count, (done, zeros, length) => writeBlock(block, at + done, zeros, 0, length))
        else if (whole) release(tables, block)
        else if (slot >= 0) writeZeros(store, slot + dataAt + at, count)
      })
    },
    resize: (bytes) => resizeSparse(store, tables, bytes, parent !== undefined),
    close() {
      if (!readOnly) commit(store, tables)
      closed()
    },
    save: (): SparseVhdFields & StateHead => ({
      ...formOf(store, tables).head,
      footer: { ...tables.footer },
      header: { ...tables.header },
      table: tables.table.slice(),
      dirtyTable: [...tables.dirtyTable],
      bitmaps: [...tables.bitmaps].map(([block, bits]) => ({
        block,
        bits: bits.slice(),
        dirty: tables.dirtyBitmaps.has(block),
      })),
      end: tables.end,
      footerDirty: tables.footerDirty,
      free: [...tables.free],
      pendingFree: [...tables.pendingFree],
      store: store.save?.(),
    }),
    accept(state) {
      const { store: contents, bitmaps, ...saved } = accepted(state, store, tables)
      const next: SparseTables = {
        footer: saved.footer,
        header: saved.header,
        table: saved.table,
        dirtyTable: new Set(saved.dirtyTable),
        bitmaps: new Map(bitmaps.map(({ block, bits }) => [block, bits])),
        dirtyBitmaps: new Set(bitmaps.filter(({ dirty }) => dirty).map(({ block }) => block)),
        end: saved.end,
        footerDirty: saved.footerDirty,
        free: [...saved.free],
        pendingFree: [...saved.pendingFree],
      }
      return () => {
        if (contents !== undefined) store.restore?.(contents)
        Object.assign(tables, next)
      }
    },
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
