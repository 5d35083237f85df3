import type { BlockDevice, Layer } from '../block.ts'
import { readFrom } from '../parent-read.ts'
import { inPieces, writeZeros } from '../store.ts'
import { BlockState, bitmapIndex, blockOffsetAt, payloadIndex, setEntry, stateAt } from './bat.ts'
import type { VhdxFile } from './file.ts'
import { MB } from './header.ts'
import { forgetPages, pageAt } from './journal.ts'
import { SECTOR } from './log.ts'

/** Payload blocks of an open file. Positions are bytes in the block. */
export interface Blocks {
  read(block: number, at: number, buffer: Uint8Array, start: number, length: number): void
  write(block: number, at: number, buffer: Uint8Array, start: number, length: number): void
  /** Where the sectors of a block from one on are, up to the block's end at most. */
  extent(block: number, sector: number): ReturnType<Layer['extent']>
  /** The range becomes zeros. */
  zero(block: number, at: number, length: number): void
  /** The whole block becomes ZERO or UNMAPPED and gives its place back. */
  drop(block: number, state: typeof BlockState.ZERO | typeof BlockState.UNMAPPED): void
  /** Gives a block a place full of zeros. */
  allocate(block: number): void
}

export function blocksOf(file: VhdxFile, parent: BlockDevice | undefined): Blocks {
  const { blockSize, sectorSize } = file.metadata
  const sectorsPerBlock = blockSize / sectorSize

  const set = (index: number, state: BlockState, offset: number): void => {
    setEntry(file.batView, index, state, offset)
    file.dirtyBat.add(Math.floor((index * 8) / SECTOR))
  }

  /** A place in the file. What it held before is zeroed when asked; a place behind the end of the file is zeros anyway. */
  const place = (length: number, zeroed: boolean): number => {
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

  const bitOf = (block: number, sector: number): { page: Uint8Array; offset: number; byte: number; mask: number } => {
    const { ratio } = file.shape
    const bit = (block % ratio) * sectorsPerBlock + sector
    const offset = blockOffsetAt(file.batView, bitmapIndex(ratio, block)) + (bit >> 15) * SECTOR
    return { page: pageAt(file, offset), offset, byte: (bit >> 3) & (SECTOR - 1), mask: 1 << (bit & 7) }
  }
  const has = (block: number, sector: number): boolean => {
    const { page, byte, mask } = bitOf(block, sector)
    return ((page[byte] as number) & mask) !== 0
  }
  /** Sets or clears the bits of sectors [from, to). */
  const setBits = (block: number, from: number, to: number, present: boolean): void => {
    for (let sector = from; sector < to; sector++) {
      const { page, offset, byte, mask } = bitOf(block, sector)
      const old = page[byte] as number
      const next = present ? old | mask : old & ~mask
      if (next === old) continue
      page[byte] = next
      file.dirtyPages.add(offset)
    }
  }

  const readPartial = (
    block: number,
    offset: number,
    at: number,
    buffer: Uint8Array,
    start: number,
    length: number,
  ): void => {
    for (let done = 0; done < length;) {
      const here = has(block, Math.floor((at + done) / sectorSize))
      let to = done
      while (to < length && has(block, Math.floor((at + to) / sectorSize)) === here)
        to += sectorSize - ((at + to) % sectorSize)
      to = Math.min(to, length)
      if (here) file.store.read(offset + at + done, buffer, start + done, to - done)
      else if (parent !== undefined) readFrom(parent, block * blockSize + at + done, buffer, start + done, to - done)
      done = to
    }
  }

  /** A sector that is written in part only must have the rest from the parent. */
  const completeSector = (block: number, offset: number, at: number): void => {
    const sector = Math.floor(at / sectorSize)
    if (parent === undefined || at % sectorSize === 0 || has(block, sector)) return
    const whole = new Uint8Array(sectorSize)
    readFrom(parent, block * blockSize + sector * sectorSize, whole, 0, sectorSize)
    file.store.write(offset + sector * sectorSize, whole)
  }

  const writePartial = (
    block: number,
    offset: number,
    at: number,
    buffer: Uint8Array,
    start: number,
    length: number,
  ): void => {
    completeSector(block, offset, at)
    completeSector(block, offset, at + length)
    file.store.write(offset + at, buffer, start, length)
    setBits(block, Math.floor(at / sectorSize), Math.ceil((at + length) / sectorSize), true)
  }

  const allocate = (block: number): number => {
    const index = payloadIndex(file.shape.ratio, block)
    const kept =
      stateAt(file.batView, index) === BlockState.UNDEFINED || stateAt(file.batView, index) === BlockState.UNMAPPED
    const old = kept ? blockOffsetAt(file.batView, index) : 0
    const offset = old === 0 ? place(blockSize, true) : old
    if (old !== 0) writeZeros(file.store, old, blockSize)
    set(index, BlockState.FULLY_PRESENT, offset)
    return offset
  }

  /** Gives a block of a differencing file a place, all of its sectors still the parent's. */
  const allocatePartial = (block: number): number => {
    const { ratio } = file.shape
    const bitmap = bitmapIndex(ratio, block)
    if (stateAt(file.batView, bitmap) === BlockState.NOT_PRESENT) {
      const offset = place(MB, true)
      forgetPages(file, offset, MB)
      set(bitmap, BlockState.FULLY_PRESENT, offset)
    } else setBits(block, 0, sectorsPerBlock, false)
    const offset = place(blockSize, false)
    set(payloadIndex(ratio, block), BlockState.PARTIALLY_PRESENT, offset)
    return offset
  }

  const blocks: Blocks = {
    read(block, at, buffer, start, length) {
      const index = payloadIndex(file.shape.ratio, block)
      const state = stateAt(file.batView, index)
      if (state === BlockState.FULLY_PRESENT)
        file.store.read(blockOffsetAt(file.batView, index) + at, buffer, start, length)
      else if (state === BlockState.PARTIALLY_PRESENT)
        readPartial(block, blockOffsetAt(file.batView, index), at, buffer, start, length)
      else if (state === BlockState.NOT_PRESENT && parent !== undefined)
        readFrom(parent, block * blockSize + at, buffer, start, length)
      else buffer.fill(0, start, start + length)
    },
    write(block, at, buffer, start, length) {
      const index = payloadIndex(file.shape.ratio, block)
      const state = stateAt(file.batView, index)
      if (state === BlockState.FULLY_PRESENT)
        file.store.write(blockOffsetAt(file.batView, index) + at, buffer, start, length)
      else if (state === BlockState.PARTIALLY_PRESENT)
        writePartial(block, blockOffsetAt(file.batView, index), at, buffer, start, length)
      else if (state === BlockState.NOT_PRESENT && parent !== undefined)
        writePartial(block, allocatePartial(block), at, buffer, start, length)
      else file.store.write(allocate(block) + at, buffer, start, length)
    },
    extent(block, sector) {
      const state = stateAt(file.batView, payloadIndex(file.shape.ratio, block))
      const rest = sectorsPerBlock - sector
      if (state === BlockState.FULLY_PRESENT) return { where: 'own', count: rest }
      if (state === BlockState.NOT_PRESENT && parent !== undefined) return { where: 'parent', count: rest }
      if (state !== BlockState.PARTIALLY_PRESENT) return { where: 'zeros', count: rest }
      const own = has(block, sector)
      let count = 1
      while (count < rest && has(block, sector + count) === own) count++
      return { where: own ? 'own' : 'parent', count }
    },
    zero(block, at, length) {
      const index = payloadIndex(file.shape.ratio, block)
      const state = stateAt(file.batView, index)
      if (state === BlockState.FULLY_PRESENT) writeZeros(file.store, blockOffsetAt(file.batView, index) + at, length)
      else if (state === BlockState.PARTIALLY_PRESENT || (state === BlockState.NOT_PRESENT && parent !== undefined)) {
        inPieces(length, (done, zeros, count) => blocks.write(block, at + done, zeros, 0, count))
      }
    },
    drop(block, state) {
      const index = payloadIndex(file.shape.ratio, block)
      const old = stateAt(file.batView, index)
      const offset = blockOffsetAt(file.batView, index)
      const keeps =
        old >= BlockState.FULLY_PRESENT ||
        ((old === BlockState.UNDEFINED || old === BlockState.UNMAPPED) && offset !== 0)
      if (keeps) file.pendingFree.push({ offset, length: blockSize })
      else if (old === state || (old === BlockState.NOT_PRESENT && parent === undefined)) return
      set(index, state, 0)
    },
    allocate: (block) => void allocate(block),
  }
  return blocks
}
