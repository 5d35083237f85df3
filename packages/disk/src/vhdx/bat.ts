import { damaged } from '../errors.ts'
import { MB, MAX_OFFSET } from './header.ts'

/** Payload block states (MS-VHDX 2.5.1.1). A sector bitmap block is NOT_PRESENT or FULLY_PRESENT (2.5.1.2). */
export const BlockState = {
  NOT_PRESENT: 0,
  UNDEFINED: 1,
  ZERO: 2,
  UNMAPPED: 3,
  FULLY_PRESENT: 6,
  PARTIALLY_PRESENT: 7,
} as const
export type BlockState = (typeof BlockState)[keyof typeof BlockState]

/** Payload entries interleaved with one bitmap entry per chunk. */
export interface BatShape {
  /** Payload blocks per chunk of 2^23 sectors. */
  readonly ratio: number
  readonly blocks: number
  readonly entries: number
}

export function batShape(diskSize: number, blockSize: number, sectorSize: number, hasParent: boolean): BatShape {
  const ratio = (2 ** 23 * sectorSize) / blockSize
  const blocks = Math.ceil(diskSize / blockSize)
  const entries = hasParent ? Math.ceil(blocks / ratio) * (ratio + 1) : blocks + Math.floor((blocks - 1) / ratio)
  return { ratio, blocks, entries }
}

/** Bytes of the pages of 4 KiB that hold so many entries. */
export const batBytes = (entries: number): number => Math.ceil((entries * 8) / 4096) * 4096

export const payloadIndex = (ratio: number, block: number): number => block + Math.floor(block / ratio)
export const bitmapIndex = (ratio: number, block: number): number => (Math.floor(block / ratio) + 1) * (ratio + 1) - 1

/** State in the low three bits, offset in MiB from bit 20 on; the bits between are zero. */
export function stateAt(bat: DataView, index: number): number {
  return bat.getUint32(index * 8, true) & 7
}

export function blockOffsetAt(bat: DataView, index: number): number {
  return ((bat.getUint32(index * 8, true) >>> 20) + bat.getUint32(index * 8 + 4, true) * 4096) * MB
}

export function setEntry(bat: DataView, index: number, state: BlockState, offset: number): void {
  const megabytes = offset / MB
  bat.setUint32(index * 8, (((megabytes % 4096) << 20) | state) >>> 0, true)
  bat.setUint32(index * 8 + 4, Math.floor(megabytes / 4096), true)
}

export interface UsedBlock {
  readonly name: string
  readonly offset: number
  readonly length: number
}

/** Every place that the table uses, after checking every entry. */
export function* usedBlocks(
  bat: DataView,
  shape: BatShape,
  blockSize: number,
  hasParent: boolean,
): Generator<UsedBlock> {
  const fail = (index: number, problem: string): never => {
    throw damaged('VHDX BAT', `entry ${index} ${problem}`, { entry: index })
  }
  // Most of a large table is zeros, in whatever order their bytes are.
  const words = new Int32Array(bat.buffer, bat.byteOffset, shape.entries * 2)
  for (let index = 0; index < shape.entries; index++) {
    if (words[index * 2] === 0 && words[index * 2 + 1] === 0) continue
    const low = bat.getUint32(index * 8, true)
    const state = low & 7
    const offset = blockOffsetAt(bat, index)
    if ((low & 0xffff8) !== 0) fail(index, 'has reserved bits set')
    if (offset > MAX_OFFSET) fail(index, `points to ${offset / MB} MiB`)
    if (index % (shape.ratio + 1) === shape.ratio) {
      if (state === BlockState.NOT_PRESENT) continue
      if (state !== BlockState.FULLY_PRESENT) fail(index, `of a sector bitmap has state ${state}`)
      if (!hasParent) fail(index, 'has a sector bitmap in a file without parent')
      yield { name: `sector bitmap ${Math.floor(index / (shape.ratio + 1))}`, offset, length: MB }
      continue
    }
    const block = index - Math.floor(index / (shape.ratio + 1))
    if (block >= shape.blocks) continue
    if (state === 4 || state === 5) fail(index, `has the reserved state ${state}`)
    if (state === BlockState.PARTIALLY_PRESENT) {
      if (!hasParent) fail(index, 'is partially present in a file without parent')
      if (stateAt(bat, bitmapIndex(shape.ratio, block)) !== BlockState.FULLY_PRESENT)
        fail(index, 'is partially present without a sector bitmap')
    }
    const present = state >= BlockState.FULLY_PRESENT
    // Undefined and unmapped blocks may keep their old place; the offsets of the other states mean nothing.
    const keeps = (state === BlockState.UNDEFINED || state === BlockState.UNMAPPED) && offset !== 0
    if (present || keeps) yield { name: `block ${block}`, offset, length: blockSize }
  }
}
