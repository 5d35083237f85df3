import { PcapngError } from './errors.ts'
import { BLOCK_OVERHEAD, OPTION, padded } from './format.ts'
import { utf8Encode } from './utf8.ts'

/** An option to be written: its code and its value, not yet padded. */
export interface RawOption {
  readonly code: number
  readonly value: Uint8Array
}

const LARGEST_OPTION = 0xffff

export function bytesOption(field: string, code: number, value: Uint8Array): RawOption {
  if (value.length > LARGEST_OPTION) {
    throw new PcapngError('VMBUS_PCAPNG_ARGUMENT', {
      field,
      value: value.length,
      allowed: `at most ${LARGEST_OPTION} bytes`,
    })
  }
  return { code, value }
}

export const textOption = (field: string, code: number, text: string): RawOption =>
  bytesOption(field, code, utf8Encode(text))

export function u32Option(code: number, value: number): RawOption {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return { code, value: bytes }
}

export function u64Option(field: string, code: number, value: number | bigint): RawOption {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, checkedU64(field, value), true)
  return { code, value: bytes }
}

/** A timestamp option: the high half first, each half in the section's byte order. */
export function timeOption(field: string, code: number, time: bigint): RawOption {
  const bytes = new Uint8Array(8)
  putTime(new DataView(bytes.buffer), 0, checkedU64(field, time))
  return { code, value: bytes }
}

export function checkedU64(field: string, value: number | bigint): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new PcapngError('VMBUS_PCAPNG_ARGUMENT', { field, value, allowed: 'an integer' })
  }
  const wide = BigInt(value)
  if (wide < 0n || wide > 0xffff_ffff_ffff_ffffn) {
    throw new PcapngError('VMBUS_PCAPNG_ARGUMENT', { field, value, allowed: '0 … 2^64-1' })
  }
  return wide
}

/** Timestamps are two 32-bit words, the high one first, whatever the byte order. */
export function putTime(view: DataView, offset: number, time: bigint): void {
  view.setUint32(offset, Number(time >> 32n), true)
  view.setUint32(offset + 4, Number(time & 0xffff_ffffn), true)
}

/**
 * A little-endian block: `fixed` bytes that `fill` writes, then `data` padded to 32 bits, then the options with
 * their end mark (none when there are no options).
 */
export function encodeBlock(
  type: number,
  fixed: number,
  data: Uint8Array | undefined,
  options: readonly RawOption[],
  fill: (view: DataView, body: number) => void,
): Uint8Array {
  let optionBytes = 0
  for (const { value } of options) optionBytes += 4 + padded(value.length)
  if (optionBytes > 0) optionBytes += 4
  const total = BLOCK_OVERHEAD + fixed + padded(data?.length ?? 0) + optionBytes
  const block = new Uint8Array(total)
  const view = new DataView(block.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, total, true)
  fill(view, 8)
  if (data) block.set(data, 8 + fixed)
  let at = 8 + fixed + padded(data?.length ?? 0)
  for (const { code, value } of options) {
    view.setUint16(at, code, true)
    view.setUint16(at + 2, value.length, true)
    block.set(value, at + 4)
    at += 4 + padded(value.length)
  }
  if (options.length > 0) view.setUint16(at, OPTION.end, true)
  view.setUint32(total - 4, total, true)
  return block
}
