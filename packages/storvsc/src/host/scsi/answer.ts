import type { GuestBuffer } from '../guest-buffer.ts'
import { INVALID_CDB, MEMORY_ACCESS, type Outcome } from '../outcome.ts'

/** Gives the guest as much of `data` as it allocated room for. An allocation beyond the buffer is refused. */
export function answer(buffer: GuestBuffer, data: Uint8Array, allocation: number): Outcome {
  if (allocation > buffer.length) return INVALID_CDB
  const length = Math.min(allocation, data.length)
  return buffer.write(data.subarray(0, length)) ? length : MEMORY_ACCESS
}

/** Latin text in a field of its width, padded with spaces. */
export function putText(into: Uint8Array, offset: number, width: number, text: string): void {
  for (let index = 0; index < width; index++)
    into[offset + index] = index < text.length ? text.charCodeAt(index) & 0x7f : 0x20
}
