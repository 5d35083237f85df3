import type { LunAddress } from './address.ts'
import type { GuestBuffer } from './guest-buffer.ts'
import { INVALID_CDB, type Outcome } from './outcome.ts'

const HEADER = 8
const ENTRY = 8

/** REPORT LUNS for one path and target: 8 bytes each, the number in the first two. A buffer without room for the header gets nothing. */
export function reportLuns(
  addresses: readonly LunAddress[],
  path: number,
  target: number,
  buffer: GuestBuffer,
): Outcome {
  if (buffer.length < HEADER) return 0
  const found = addresses.filter((address) => address.path === path && address.target === target)
  const data = new DataView(new ArrayBuffer(HEADER + found.length * ENTRY))
  data.setUint32(0, found.length * ENTRY)
  found.forEach(({ lun }, index) => data.setUint16(HEADER + index * ENTRY, lun))
  const length = Math.min(buffer.length, data.byteLength)
  return buffer.write(new Uint8Array(data.buffer, 0, length)) ? length : INVALID_CDB
}
