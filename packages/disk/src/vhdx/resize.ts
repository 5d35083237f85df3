import { badOption, unsupported } from '../errors.ts'
import { BlockState, batBytes, bitmapIndex, blockOffsetAt, payloadIndex, setEntry, stateAt } from './bat.ts'
import { allocate, zeroBlock, type Blocks } from './blocks.ts'
import { setBat, shapeOf, type VhdxFile } from './file.ts'
import { MB } from './header.ts'
import { begin, commit, patch, settle } from './journal.ts'
import { SECTOR } from './log.ts'
import { VHDX_MAX_SIZE } from './metadata.ts'
import { REGION_TABLE_PLACES, encodeRegions, type Region } from './regions.ts'

/**
 * Online resize. All that prepares it concerns entries past the end of the disk; the new size takes effect with one
 * log entry, so that a power cut leaves the old size or the new one.
 */
export function resizeVhdx(blocks: Blocks, bytes: number): void {
  const { file } = blocks
  if (bytes > VHDX_MAX_SIZE) throw badOption(`a VHDX has at most 64 TiB, not ${bytes} bytes`, { bytes })
  begin(file)
  commit(file)
  if (bytes > file.metadata.diskSize) grow(blocks, bytes)
  else shrink(file, bytes)
}

function stageSize(file: VhdxFile, bytes: number): void {
  const size = new Uint8Array(8)
  new DataView(size.buffer).setBigUint64(0, BigInt(bytes), true)
  patch(file, file.metadata.diskSizeAt, size)
  file.metadata = { ...file.metadata, diskSize: bytes }
  file.shape = shapeOf(file.metadata)
}

function markBat(file: VhdxFile, index: number): void {
  file.dirtyBat.add(Math.floor((index * 8) / SECTOR))
}

function grow(blocks: Blocks, bytes: number): void {
  const { file, parent } = blocks
  const { diskSize: old, blockSize } = file.metadata
  const before = file.shape
  const oldMetadata = file.metadata
  // What a longer disk, or a longer parent, had behind the end must not come back.
  const tail = Math.min(bytes, before.blocks * blockSize) - old
  const lastState = stateAt(file.batView, payloadIndex(before.ratio, before.blocks - 1))
  const parentReaches = parent !== undefined && parent.sectors * parent.sectorSize > old
  if (tail > 0 && (lastState !== BlockState.NOT_PRESENT || parentReaches))
    zeroBlock(blocks, before.blocks - 1, old - (before.blocks - 1) * blockSize, tail)

  const after = shapeOf({ ...file.metadata, diskSize: bytes })
  try {
    if (batBytes(after.entries) > file.regions.bat.length) moveBat(file, after.entries)
    else if (batBytes(after.entries) > file.bat.length) {
      const bat = new Uint8Array(batBytes(after.entries))
      bat.set(file.bat)
      setBat(file, bat)
    }
    // Entries past the old end are whatever was left there: all are set.
    for (let index = before.entries; index < after.entries; index++)
      setEntry(file.batView, index, BlockState.NOT_PRESENT, 0)
    for (let page = Math.floor((before.entries * 8) / SECTOR); page * SECTOR < after.entries * 8; page++) {
      file.dirtyBat.add(page)
      settle(file)
    }
    for (let block = before.blocks; block < after.blocks; block++) {
      if (file.metadata.fixed) allocate(blocks, block)
      else if (parent !== undefined) {
        setEntry(file.batView, payloadIndex(after.ratio, block), BlockState.ZERO, 0)
        markBat(file, payloadIndex(after.ratio, block))
      }
      settle(file)
    }
    stageSize(file, bytes)
    commit(file)
  } catch (error) {
    undoGrow(file, oldMetadata, after.entries)
    throw error
  }
}

/** The disk keeps its old size; entries past its end mean nothing, and their places are free. */
function undoGrow(file: VhdxFile, metadata: VhdxFile['metadata'], entries: number): void {
  file.metadata = metadata
  file.shape = shapeOf(metadata)
  const size = new Uint8Array(8)
  new DataView(size.buffer).setBigUint64(0, BigInt(metadata.diskSize), true)
  patch(file, metadata.diskSizeAt, size)
  for (let index = file.shape.entries; index < entries && (index + 1) * 8 <= file.bat.length; index++) {
    if (stateAt(file.batView, index) === BlockState.FULLY_PRESENT) {
      file.pendingFree.push({ offset: blockOffsetAt(file.batView, index), length: metadata.blockSize })
    }
    setEntry(file.batView, index, BlockState.NOT_PRESENT, 0)
  }
}

/** A larger BAT region in another place, with the same entries. Nothing names it before the region tables do. */
function moveBat(file: VhdxFile, entries: number): void {
  const { store } = file
  const old = file.regions.bat
  const length = Math.ceil((entries * 8) / MB) * MB
  if (length >= 2 ** 32) throw unsupported('VHDX region table', `a BAT of ${length} bytes does not fit a region`)
  commit(file)
  const bat = new Uint8Array(batBytes(entries))
  bat.set(file.bat.subarray(0, file.shape.entries * 8))
  const offset = file.space.allocate(length)
  try {
    if (store.size < offset + length) store.truncate(offset + length)
    store.write(offset, bat)
  } catch (error) {
    file.space.free(offset, length)
    throw error
  }
  const moved: Region = { offset, length }
  setBat(file, bat)
  file.regions = { ...file.regions, bat: moved }
  const tables = encodeRegions(file.regions)
  for (const place of REGION_TABLE_PLACES) patch(file, place, tables)
  file.pendingFree.push(old)
  commit(file)
}

function shrink(file: VhdxFile, bytes: number): void {
  const before = file.shape
  const { blockSize, hasParent } = file.metadata
  stageSize(file, bytes)
  const after = file.shape
  for (let block = after.blocks; block < before.blocks; block++) {
    const index = payloadIndex(before.ratio, block)
    const offset = blockOffsetAt(file.batView, index)
    const state = stateAt(file.batView, index)
    const keeps =
      state >= BlockState.FULLY_PRESENT ||
      ((state === BlockState.UNDEFINED || state === BlockState.UNMAPPED) && offset !== 0)
    if (keeps) file.pendingFree.push({ offset, length: blockSize })
  }
  if (hasParent) {
    for (
      let block = Math.ceil(after.blocks / after.ratio) * after.ratio;
      block < before.blocks;
      block += before.ratio
    ) {
      const index = bitmapIndex(before.ratio, block)
      if (stateAt(file.batView, index) === BlockState.FULLY_PRESENT)
        file.pendingFree.push({ offset: blockOffsetAt(file.batView, index), length: MB })
    }
  }
  commit(file)
  // The entries past the end mean nothing any more; leave none behind for other implementations.
  const kept = hasParent ? bitmapIndex(after.ratio, after.blocks - 1) : -1
  for (let index = payloadIndex(after.ratio, after.blocks - 1) + 1; index < before.entries; index++) {
    const empty = file.batView.getUint32(index * 8, true) === 0 && file.batView.getUint32(index * 8 + 4, true) === 0
    if (empty || index === kept) continue
    setEntry(file.batView, index, BlockState.NOT_PRESENT, 0)
    markBat(file, index)
    settle(file)
  }
  commit(file)
}
