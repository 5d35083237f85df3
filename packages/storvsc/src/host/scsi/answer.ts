import type { GuestBuffer } from '../guest-buffer.ts'
import { DATA_OVERRUN, MEMORY_ACCESS, type CommandResult, type Failure } from '../command-result.ts'

/**
 * Writes to the guest as much of `data` as it allocated room for; less than all of it, or nothing, is no error (SPC-4
 * 4.3.5.6). A buffer that is shorter than what was allocated, and than the data, is one.
 */
export function answer(
  buffer: GuestBuffer,
  data: Uint8Array,
  allocation: number,
  overrun: Failure = DATA_OVERRUN,
): CommandResult {
  const length = Math.min(allocation, data.length)
  if (length === 0) return 0
  if (length > buffer.length) return overrun
  return buffer.write(data.subarray(0, length)) ? length : MEMORY_ACCESS
}

/** Latin text in a field of its width, padded with spaces. */
export function putText(into: Uint8Array, offset: number, width: number, text: string): void {
  for (let index = 0; index < width; index++)
    into[offset + index] = index < text.length ? text.charCodeAt(index) & 0x7f : 0x20
}
