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
import { DiskError } from '../errors.ts'
import { multiple, savedStore } from '../state.ts'
import type { ByteStore, StoreState } from '../store.ts'
import { VHD_SECTOR, footerState, type VhdFooter } from './footer.ts'
import { headerState, type VhdHeader } from './header.ts'
import { bitmapSize, type FreeRun } from './slots.ts'
import { tableSize, type SparseTables } from './table.ts'

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
function checked(state: unknown, store: ByteStore, tables: SparseTables): SparseVhdFields {
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

export const saved = (store: ByteStore, tables: SparseTables): SparseVhdFields & StateHead => ({
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
})

/** Looks at all of a saved state, and returns what takes it on. */
export function accepted(state: unknown, store: ByteStore, tables: SparseTables): () => void {
  const { store: contents, bitmaps, ...fields } = checked(state, store, tables)
  const next: SparseTables = {
    footer: fields.footer,
    header: fields.header,
    table: fields.table,
    dirtyTable: new Set(fields.dirtyTable),
    bitmaps: new Map(bitmaps.map(({ block, bits }) => [block, bits])),
    dirtyBitmaps: new Set(bitmaps.filter(({ dirty }) => dirty).map(({ block }) => block)),
    end: fields.end,
    footerDirty: fields.footerDirty,
    free: [...fields.free],
    pendingFree: [...fields.pendingFree],
  }
  return () => {
    if (contents !== undefined) store.restore?.(contents)
    Object.assign(tables, next)
  }
}
