import { damaged } from '../errors.ts'
import { derivedIdentity, type NewIdentity } from '../identity.ts'
import type { ByteStore } from '../store.ts'
import { batShape, usedBlocks, type BatShape } from './bat.ts'
import { HEADER_SECTION, type VhdxHeader } from './header.ts'
import type { Metadata } from './metadata.ts'
import type { Region, Regions } from './regions.ts'
import { space, type Space } from './space.ts'

/** An open VHDX: its structures as they are meant to be, and what of that the file does not have yet. */
export interface VhdxFile {
  readonly store: ByteStore
  /** As it is on the medium. */
  header: VhdxHeader
  regions: Regions
  metadata: Metadata
  shape: BatShape
  /** The BAT's pages of 4 KiB. */
  bat: Uint8Array
  batView: DataView
  /** Indexes of pages of the BAT that are not in the file. */
  readonly dirtyBat: Set<number>
  /** Other pages of 4 KiB, by their offset in the file: sector bitmaps, the disk's size, the region tables. */
  readonly pages: Map<number, Uint8Array>
  readonly dirtyPages: Set<number>
  space: Space
  /** Places that the flushed file still names: not to be used before the next commit. */
  pendingFree: Region[]
  readonly log: LogPosition
  /** The identifiers of this session are in the header. */
  marked: boolean
  /** New identifiers made so far. */
  serial: number
  readonly newIdentity: NewIdentity | undefined
}

interface LogPosition {
  /** Where the next entry goes, from the start of the log. */
  at: number
  /** Number of the next entry. */
  sequence: bigint
  /** Identifier of this session's entries; undefined before the first. */
  guid: Uint8Array | undefined
}

export function setBat(file: VhdxFile, bat: Uint8Array): void {
  file.bat = bat
  file.batView = new DataView(bat.buffer, bat.byteOffset, bat.length)
}

export function shapeOf(metadata: Metadata): BatShape {
  return batShape(metadata.diskSize, metadata.blockSize, metadata.sectorSize, metadata.hasParent)
}

/** A new identifier: from the session's source, or derived from what the header says now. */
export function identityFor(file: VhdxFile, purpose: string): Uint8Array {
  const { fileWriteGuid, sequence } = file.header
  file.serial++
  return (
    file.newIdentity?.(purpose) ??
    derivedIdentity(fileWriteGuid, purpose, Number(sequence & 0xffffffffn) * 16 + file.serial)
  )
}

/** Marks what every structure uses; refuses one that lies on another or past the end of the file. */
export function usedSpace(
  file: Pick<VhdxFile, 'header' | 'regions' | 'metadata' | 'shape' | 'batView'> & { readonly size: number },
  pendingFree: readonly Region[] = [],
): Space {
  const used = space()
  const { header, regions, metadata } = file
  const take = (structure: string, name: string, offset: number, length: number): void => {
    if (offset + length > file.size)
      throw damaged(structure, `${name} at ${offset}, ${length} bytes, lies past the end of the file (${file.size})`)
    if (!used.reserve(offset, length)) throw damaged(structure, `${name} at ${offset} overlaps another structure`)
  }
  used.reserve(0, HEADER_SECTION)
  if (header.logLength > 0) take('VHDX header', 'the log', header.logOffset, header.logLength)
  take('VHDX region table', 'the BAT region', regions.bat.offset, regions.bat.length)
  take('VHDX region table', 'the metadata region', regions.metadata.offset, regions.metadata.length)
  for (const { offset, length } of regions.others) take('VHDX region table', 'a region', offset, length)
  for (const block of usedBlocks(file.batView, file.shape, metadata.blockSize, metadata.hasParent)) {
    take('VHDX BAT', block.name, block.offset, block.length)
  }
  for (const { offset, length } of pendingFree) used.reserve(offset, length)
  return used
}
