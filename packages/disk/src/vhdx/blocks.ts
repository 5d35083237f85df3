import type { BlockDevice, Layer } from '../block.ts'
import { readFrom } from '../parent-read.ts'
import { copySector, readMixed } from '../parts.ts'
import { inPieces, writeZeros } from '../store.ts'
import { BlockState, bitmapIndex, blockOffsetAt, payloadIndex, setEntry, stateAt } from './bat.ts'
import type { VhdxFile } from './file.ts'
import { MB } from './header.ts'
import { forgetPages, pageAt } from './journal.ts'
import { SECTOR } from './log.ts'

/** Payload blocks of an open file. Positions are bytes in the block. */
export interface Blocks {
  readonly file: VhdxFile
  readonly parent: BlockDevice | undefined
}

const sectorsPerBlock = ({ metadata: { blockSize, sectorSize } }: VhdxFile): number => blockSize / sectorSize

function set(file: VhdxFile, index: number, state: BlockState, offset: number): void {
  setEntry(file.batView, index, state, offset)
  file.dirtyBat.add(Math.floor((index * 8) / SECTOR))
}

/** A place in the file. What it held before is zeroed when asked; a place behind the end of the file is zeros anyway. */
function place(file: VhdxFile, length: number, zeroed: boolean): number {
  const { store } = file
  const offset = file.space.allocate(length)
  const old = store.size
  try {
    if (offset + length > old) store.truncate(offset + length)
    if (zeroed && offset < old) writeZeros(store, offset, Math.min(length, old - offset))
  } catch (error) {
    file.space.free(offset, length)
    throw error
  }
  return offset
}

/** Where the bit of a sector is that says whether the file has it. */
function bitOf(
  file: VhdxFile,
  block: number,
  sector: number,
): { page: Uint8Array; offset: number; byte: number; mask: number } {
  const { ratio } = file.shape
  const bit = (block % ratio) * sectorsPerBlock(file) + sector
  const offset = blockOffsetAt(file.batView, bitmapIndex(ratio, block)) + (bit >> 15) * SECTOR
  return { page: pageAt(file, offset), offset, byte: (bit >> 3) & (SECTOR - 1), mask: 1 << (bit & 7) }
}

function has(file: VhdxFile, block: number, sector: number): boolean {
  const { page, byte, mask } = bitOf(file, block, sector)
  return ((page[byte] as number) & mask) !== 0
}

/** Sets or clears the bits of sectors [from, to). */
function setBits(file: VhdxFile, block: number, from: number, to: number, present: boolean): void {
  for (let sector = from; sector < to; sector++) {
    const { page, offset, byte, mask } = bitOf(file, block, sector)
    const old = page[byte] as number
    const next = present ? old | mask : old & ~mask
    if (next === old) continue
    page[byte] = next
    file.dirtyPages.add(offset)
  }
}

function completeSector({ file, parent }: Blocks, block: number, offset: number, at: number): void {
  const { blockSize, sectorSize } = file.metadata
  const sector = Math.floor(at / sectorSize)
  if (parent === undefined || at % sectorSize === 0 || has(file, block, sector)) return
  const from = sector * sectorSize
  copySector(parent, block * blockSize + from, file.store, offset + from, sectorSize)
}

function writePartial(
  blocks: Blocks,
  block: number,
  offset: number,
  at: number,
  buffer: Uint8Array,
  start: number,
  length: number,
): void {
  const { file } = blocks
  const { sectorSize } = file.metadata
  completeSector(blocks, block, offset, at)
  completeSector(blocks, block, offset, at + length)
  file.store.write(offset + at, buffer, start, length)
  setBits(file, block, Math.floor(at / sectorSize), Math.ceil((at + length) / sectorSize), true)
}

/** Gives a block a place full of zeros, and returns it. */
export function allocate({ file }: Blocks, block: number): number {
  const { blockSize } = file.metadata
  const index = payloadIndex(file.shape.ratio, block)
  const state = stateAt(file.batView, index)
  const keepsPlace = state === BlockState.UNDEFINED || state === BlockState.UNMAPPED
  const old = keepsPlace ? blockOffsetAt(file.batView, index) : 0
  const offset = old === 0 ? place(file, blockSize, true) : old
  if (old !== 0) writeZeros(file.store, old, blockSize)
  set(file, index, BlockState.FULLY_PRESENT, offset)
  return offset
}

/** Gives a block of a differencing file a place, all of its sectors still the parent's. */
function allocatePartial(file: VhdxFile, block: number): number {
  const { ratio } = file.shape
  const bitmap = bitmapIndex(ratio, block)
  if (stateAt(file.batView, bitmap) === BlockState.NOT_PRESENT) {
    const offset = place(file, MB, true)
    forgetPages(file, offset, MB)
    set(file, bitmap, BlockState.FULLY_PRESENT, offset)
  } else setBits(file, block, 0, sectorsPerBlock(file), false)
  const offset = place(file, file.metadata.blockSize, false)
  set(file, payloadIndex(ratio, block), BlockState.PARTIALLY_PRESENT, offset)
  return offset
}

export function readBlock(
  { file, parent }: Blocks,
  block: number,
  at: number,
  buffer: Uint8Array,
  start: number,
  length: number,
): void {
  const { blockSize, sectorSize } = file.metadata
  const index = payloadIndex(file.shape.ratio, block)
  const state = stateAt(file.batView, index)
  if (state === BlockState.FULLY_PRESENT)
    file.store.read(blockOffsetAt(file.batView, index) + at, buffer, start, length)
  else if (state === BlockState.PARTIALLY_PRESENT) {
    const offset = blockOffsetAt(file.batView, index)
    const source = {
      sectorSize,
      has: (sector: number) => has(file, block, sector),
      own: (from: number, to: number, count: number) => file.store.read(offset + from, buffer, to, count),
      parent,
      blockStart: block * blockSize,
    }
    readMixed(source, at, buffer, start, length)
  } else if (state === BlockState.NOT_PRESENT && parent !== undefined)
    readFrom(parent, block * blockSize + at, buffer, start, length)
  else buffer.fill(0, start, start + length)
}

export function writeBlock(
  blocks: Blocks,
  block: number,
  at: number,
  buffer: Uint8Array,
  start: number,
  length: number,
): void {
  const { file, parent } = blocks
  const index = payloadIndex(file.shape.ratio, block)
  const state = stateAt(file.batView, index)
  if (state === BlockState.FULLY_PRESENT)
    file.store.write(blockOffsetAt(file.batView, index) + at, buffer, start, length)
  else if (state === BlockState.PARTIALLY_PRESENT)
    writePartial(blocks, block, blockOffsetAt(file.batView, index), at, buffer, start, length)
  else if (state === BlockState.NOT_PRESENT && parent !== undefined)
    writePartial(blocks, block, allocatePartial(file, block), at, buffer, start, length)
  else file.store.write(allocate(blocks, block) + at, buffer, start, length)
}

/** Where the sectors of a block from one on are, up to the block's end at most. */
export function blockExtent({ file, parent }: Blocks, block: number, sector: number): ReturnType<Layer['extent']> {
  const state = stateAt(file.batView, payloadIndex(file.shape.ratio, block))
  const rest = sectorsPerBlock(file) - sector
  if (state === BlockState.FULLY_PRESENT) return { where: 'own', count: rest }
  if (state === BlockState.NOT_PRESENT && parent !== undefined) return { where: 'parent', count: rest }
  if (state !== BlockState.PARTIALLY_PRESENT) return { where: 'zeros', count: rest }
  const own = has(file, block, sector)
  let count = 1
  while (count < rest && has(file, block, sector + count) === own) count++
  return { where: own ? 'own' : 'parent', count }
}

/** The range becomes zeros. */
export function zeroBlock(blocks: Blocks, block: number, at: number, length: number): void {
  const { file, parent } = blocks
  const index = payloadIndex(file.shape.ratio, block)
  const state = stateAt(file.batView, index)
  if (state === BlockState.FULLY_PRESENT) writeZeros(file.store, blockOffsetAt(file.batView, index) + at, length)
  else if (state === BlockState.PARTIALLY_PRESENT || (state === BlockState.NOT_PRESENT && parent !== undefined))
    inPieces(length, (done, zeros, count) => writeBlock(blocks, block, at + done, zeros, 0, count))
}

/** The whole block becomes ZERO or UNMAPPED and gives its place back. */
export function dropBlock(
  { file, parent }: Blocks,
  block: number,
  state: typeof BlockState.ZERO | typeof BlockState.UNMAPPED,
): void {
  const index = payloadIndex(file.shape.ratio, block)
  const old = stateAt(file.batView, index)
  const offset = blockOffsetAt(file.batView, index)
  const hasPlace =
    old >= BlockState.FULLY_PRESENT || ((old === BlockState.UNDEFINED || old === BlockState.UNMAPPED) && offset !== 0)
  if (hasPlace) file.pendingFree.push({ offset, length: file.metadata.blockSize })
  else if (old === state || (old === BlockState.NOT_PRESENT && parent === undefined)) return
  set(file, index, state, 0)
}
