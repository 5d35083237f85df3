import {
  bytes,
  flag,
  integer,
  list,
  object,
  oneOf,
  optional,
  restoreState,
  stateForm,
  u64,
  type Shape,
  type StateForm,
  type StateHead,
} from '@vmbus/world'
import { DiskError } from '../errors.ts'
import { multiple, same, savedStore } from '../state.ts'
import type { StoreState } from '../store.ts'
import { batBytes } from './bat.ts'
import { setBat, shapeOf, usedSpace, type VhdxFile } from './file.ts'
import { MB, type VhdxHeader } from './header.ts'
import { SECTOR } from './log.ts'
import type { Metadata } from './metadata.ts'
import type { Region, Regions } from './regions.ts'

interface SavedPage {
  readonly offset: number
  readonly bytes: Uint8Array
  readonly dirty: boolean
}

/** A VHDX as it is saved. */
interface VhdxFields {
  readonly header: VhdxHeader
  readonly regions: Regions
  readonly metadata: Metadata
  readonly bat: Uint8Array
  readonly dirtyBat: readonly number[]
  readonly pages: readonly SavedPage[]
  readonly pendingFree: readonly Region[]
  readonly log: { readonly at: number; readonly sequence: bigint; readonly guid: Uint8Array | undefined }
  readonly marked: boolean
  readonly serial: number
  readonly store: StoreState | undefined
}

const VHDX_STATE: StateHead = { kind: 'vhdx', v: 1 }

const region: Shape<Region> = object<Region>({ offset: multiple(SECTOR), length: integer(1) })

const header: Shape<VhdxHeader> = object<VhdxHeader>({
  place: oneOf(0, 1),
  sequence: u64,
  fileWriteGuid: bytes(16),
  dataWriteGuid: bytes(16),
  logGuid: bytes(16),
  logLength: multiple(MB),
  logOffset: multiple(MB),
})

/** A saved state of the same disk: its identity, sectors and blocks do not change. */
function formOf({ metadata, store }: VhdxFile): StateForm<VhdxFields> {
  const place = { region: integer(), table: integer(), at: integer(), room: integer(), free: integer() }
  return stateForm<VhdxFields>(VHDX_STATE.kind, VHDX_STATE.v, {
    header,
    regions: object<Regions>({
      bat: region,
      metadata: region,
      others: list(object<Regions['others'][number]>({ offset: multiple(MB), length: multiple(MB), id: bytes(16) })),
    }),
    metadata: object<Metadata>({
      blockSize: oneOf(metadata.blockSize),
      fixed: oneOf(metadata.fixed),
      hasParent: oneOf(metadata.hasParent),
      diskSize: multiple(metadata.sectorSize, 1),
      // A child has the identity that its parent had when it was made, and one of a raw parent is that of its size then.
      diskId: metadata.hasParent ? bytes(16) : same(metadata.diskId),
      sectorSize: oneOf(metadata.sectorSize),
      physicalSectorSize: oneOf(metadata.physicalSectorSize),
      locator: optional(bytes()),
      locatorPlace: optional(object<NonNullable<Metadata['locatorPlace']>>(place)),
      diskSizeAt: integer(),
    }),
    bat: bytes(),
    dirtyBat: list(integer()),
    pages: list(object<SavedPage>({ offset: multiple(SECTOR), bytes: bytes(SECTOR), dirty: flag })),
    pendingFree: list(region),
    log: object<VhdxFields['log']>({ at: multiple(SECTOR), sequence: u64, guid: optional(bytes(16)) }),
    marked: flag,
    serial: integer(),
    store: savedStore(store),
  })
}

export const saved = (file: VhdxFile): VhdxFields & StateHead => ({
  ...VHDX_STATE,
  header: { ...file.header },
  regions: { ...file.regions },
  metadata: { ...file.metadata },
  bat: file.bat.slice(),
  dirtyBat: [...file.dirtyBat],
  pages: [...file.pages].map(([offset, bytes]) => ({
    offset,
    bytes: bytes.slice(),
    dirty: file.dirtyPages.has(offset),
  })),
  pendingFree: [...file.pendingFree],
  log: { ...file.log },
  marked: file.marked,
  serial: file.serial,
  store: file.store.save?.(),
})

/** Looks at all of a saved state, where its blocks lie included, and returns what takes it on. */
export function accepted(state: unknown, file: VhdxFile): () => void {
  const saved = restoreState(state, formOf(file))
  const shape = shapeOf(saved.metadata)
  const { bat, store } = saved
  if (bat.length < batBytes(shape.entries) || saved.dirtyBat.some((page) => page >= bat.length / SECTOR))
    throw new DiskError('VMBUS_DISK_STATE', 'the block table of the saved disk does not fit its size')
  const batView = new DataView(bat.buffer, bat.byteOffset, bat.length)
  const size = store?.size ?? file.store.size
  const space = usedSpace({ ...saved, shape, batView, size }, saved.pendingFree)
  return () => {
    if (store !== undefined) file.store.restore?.(store)
    file.header = saved.header
    file.regions = saved.regions
    file.metadata = saved.metadata
    file.shape = shape
    setBat(file, bat)
    file.dirtyBat.clear()
    for (const index of saved.dirtyBat) file.dirtyBat.add(index)
    file.pages.clear()
    file.dirtyPages.clear()
    for (const page of saved.pages) {
      file.pages.set(page.offset, page.bytes)
      if (page.dirty) file.dirtyPages.add(page.offset)
    }
    file.pendingFree = [...saved.pendingFree]
    Object.assign(file.log, saved.log)
    file.marked = saved.marked
    file.serial = saved.serial
    file.space = space
  }
}
