import type { BlockDevice, BlockStatus } from './block.ts'
import { StoreError } from './errors.ts'

/** Turns a status of a device below into what an image throws. */
export function demand(status: BlockStatus): void {
  if (status === 'ok') return
  throw new StoreError(
    status === 'no-space' ? 'VMBUS_STORE_NO_SPACE' : 'VMBUS_STORE_IO',
    `the disk below answered "${status}"`,
  )
}

/**
 * Reads bytes from another device, at any byte position. Past its end are zeros: a parent may be smaller than its child.
 */
export function readFrom(
  device: BlockDevice,
  position: number,
  buffer: Uint8Array,
  start: number,
  length: number,
): void {
  const { sectorSize } = device
  const inside = Math.max(0, Math.min(length, device.sectors * sectorSize - position))
  if (inside < length) buffer.fill(0, start + inside, start + length)
  let done = 0
  const head = position % sectorSize
  if (inside > 0 && head !== 0) {
    const bounce = new Uint8Array(sectorSize)
    demand(device.read((position - head) / sectorSize, [bounce]))
    done = Math.min(inside, sectorSize - head)
    buffer.set(bounce.subarray(head, head + done), start)
  }
  const middle = Math.floor((inside - done) / sectorSize) * sectorSize
  if (middle > 0) {
    demand(device.read((position + done) / sectorSize, [buffer.subarray(start + done, start + done + middle)]))
    done += middle
  }
  if (done < inside) {
    const bounce = new Uint8Array(sectorSize)
    demand(device.read((position + done) / sectorSize, [bounce]))
    buffer.set(bounce.subarray(0, inside - done), start + done)
  }
}
