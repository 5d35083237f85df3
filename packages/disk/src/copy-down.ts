import type { BlockDevice, Layer } from './block.ts'
import { demand } from './parent-read.ts'

/** Bytes copied at once. */
const MOST = 1 << 20

/**
 * Gives the device below what a differencing image over it has itself of the sectors [from, to), until about `bytes`
 * were copied. Returns the first sector that is not done. Nothing changes for who reads through the image. Throws StoreError.
 */
export function copyDown(
  child: BlockDevice,
  { extent }: Pick<Layer, 'extent'>,
  below: BlockDevice,
  from: number,
  to: number,
  bytes = Infinity,
): number {
  const { sectorSize } = child
  let sector = from
  for (let left = bytes; sector < to && left > 0;) {
    const { where, count } = extent(sector)
    const sectors = Math.min(count, to - sector, where === 'own' ? MOST / sectorSize : Infinity)
    if (where === 'zeros') demand(below.zero(sector, sectors))
    if (where === 'own') {
      const copied = new Uint8Array(sectors * sectorSize)
      demand(child.read(sector, [copied]))
      demand(below.write(sector, [copied]))
      left -= copied.length
    }
    sector += sectors
  }
  return sector
}
