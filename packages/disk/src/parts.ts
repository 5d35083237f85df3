import type { BlockDevice } from './block.ts'
import { readFrom } from './parent-read.ts'
import type { ByteStore } from './store.ts'

/**
 * Calls `each` for the part of every block in a range of a disk of `size` bytes; `whole` when the range covers all that the
 * disk has of the block.
 */
export function eachBlock(
  position: number,
  length: number,
  blockSize: number,
  size: number,
  each: (block: number, at: number, count: number, whole: boolean) => void,
): void {
  const end = position + length
  for (let from = position; from < end;) {
    const block = Math.floor(from / blockSize)
    const start = block * blockSize
    const to = Math.min(end, start + blockSize)
    each(block, from - start, to - from, from === start && (to === start + blockSize || to === size))
    from = to
  }
}

/** Reads or writes `length` bytes of a block from `at` on, which are those of the buffer from `start` on. */
export type BlockTransfer = (block: number, at: number, buffer: Uint8Array, start: number, length: number) => void

/** Does a transfer at any position block by block. */
export function inBlocks(
  blockSize: number,
  transfer: BlockTransfer,
  position: number,
  buffer: Uint8Array,
  start: number,
  length: number,
): void {
  for (let done = 0; done < length;) {
    const block = Math.floor((position + done) / blockSize)
    const at = position + done - block * blockSize
    const count = Math.min(length - done, blockSize - at)
    transfer(block, at, buffer, start + done, count)
    done += count
  }
}

/** Bytes [at, at + length) of a block, of which the image has the sectors for which `has` is true and the parent the others. */
export interface MixedRead {
  readonly sectorSize: number
  readonly has: (sector: number) => boolean
  readonly own: (at: number, start: number, length: number) => void
  /** Where the block begins on the parent; without one, sectors that the image does not have stay as they are. */
  readonly parent: BlockDevice | undefined
  readonly blockStart: number
}

export function readMixed(
  { sectorSize, has, own, parent, blockStart }: MixedRead,
  at: number,
  buffer: Uint8Array,
  start: number,
  length: number,
): void {
  for (let done = 0; done < length;) {
    const here = has(Math.floor((at + done) / sectorSize))
    let to = done
    while (to < length && has(Math.floor((at + to) / sectorSize)) === here) to += sectorSize - ((at + to) % sectorSize)
    to = Math.min(to, length)
    if (here) own(at + done, start + done, to - done)
    else if (parent !== undefined) readFrom(parent, blockStart + at + done, buffer, start + done, to - done)
    done = to
  }
}

/** Brings the sector at a byte of the parent into a store whole: one that is written in part only must have the rest. */
export function copySector(
  parent: BlockDevice,
  position: number,
  store: ByteStore,
  offset: number,
  sectorSize: number,
): void {
  const whole = new Uint8Array(sectorSize)
  readFrom(parent, position, whole, 0, sectorSize)
  store.write(offset, whole)
}
