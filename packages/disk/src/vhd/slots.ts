import { VHD_SECTOR } from './footer.ts'
import type { VhdHeader } from './header.ts'

type BlockSize = Pick<VhdHeader, 'blockSize'>

/** Where hosts with sectors of 4 KiB want the data of a block to begin; the document asks for sectors of 512. */
const ALIGNMENT = 4096

/** Places of a bitmap and its block that no entry names, one after the other. Many of them may be one hole of a sparse file. */
export interface FreeRun {
  readonly at: number
  readonly count: number
}

export function sectorsPerBlock(header: BlockSize): number {
  return header.blockSize / VHD_SECTOR
}

/** Bytes of a block's sector bitmap, padded to a sector. */
export function bitmapSize(header: BlockSize): number {
  return Math.ceil(sectorsPerBlock(header) / 8 / VHD_SECTOR) * VHD_SECTOR
}

export function slotSize(header: BlockSize): number {
  return bitmapSize(header) + header.blockSize
}

const roundUp = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

/** The first slot at or behind a place whose data is aligned. */
export function alignedSlot(header: BlockSize, from: number): number {
  const bitmap = bitmapSize(header)
  return roundUp(from + bitmap) - bitmap
}

/** Bytes from one slot of a run to the next. */
function strideOf(header: BlockSize): number {
  return roundUp(slotSize(header))
}

/** The slots that fit a gap: those with aligned data, or else one as other programs leave it. */
export function slotsBetween(header: BlockSize, from: number, to: number): FreeRun | undefined {
  const size = slotSize(header)
  const at = alignedSlot(header, from)
  if (at + size <= to) return { at, count: Math.floor((to - at - size) / strideOf(header)) + 1 }
  return from + size <= to ? { at: from, count: 1 } : undefined
}

/** Takes one of the free slots, the last. */
export function takeSlot(header: BlockSize, free: FreeRun[]): number | undefined {
  const run = free.pop()
  if (run === undefined) return undefined
  if (run.count > 1) free.push({ at: run.at, count: run.count - 1 })
  return run.at + (run.count - 1) * strideOf(header)
}

/**
 * Where the file may end when the free slots at its end are cut off, and the slots that are left. Less than the alignment
 * may lie between two of them; nothing behind `least` is anything else than a slot.
 */
export function withoutTail(
  header: BlockSize,
  free: readonly FreeRun[],
  end: number,
  least: number,
): { end: number; free: FreeRun[] } {
  const size = slotSize(header)
  const stride = strideOf(header)
  const left = [...free].sort((a, b) => a.at - b.at)
  for (let run = left.at(-1); run !== undefined && run.at >= least; run = left.at(-1)) {
    const gap = end - (run.at + (run.count - 1) * stride + size)
    if (gap < 0 || gap >= ALIGNMENT) break
    end = run.at
    left.pop()
  }
  return { end, free: left }
}
