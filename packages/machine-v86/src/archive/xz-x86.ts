import { crc32 } from 'node:zlib'

/**
 * XZ streams with the x86 filter, as kernel images have them. The decoder in use knows LZMA2 alone, so the stream is
 * rewritten without filter and integrity check, and both are done here on its output. Numbers are those of "The .xz
 * File Format" 1.2.1.
 */
const FILTER_X86 = 0x04
const FILTER_LZMA2 = 0x21
const CHECK_NONE = 0
const CHECK_CRC32 = 1
const STREAM_HEADER = 12

export interface X86Stream {
  /** The same LZMA2 data in a stream with neither filter nor check. */
  readonly plain: Uint8Array
  /** Undoes the filter in place; false when the result does not have the stream's CRC32. */
  finish(output: Uint8Array): boolean
}

/**
 * Recognises a stream of one block, filtered by x86 then LZMA2, with a CRC32; undefined for any other stream. Bytes
 * after the stream (the kernel's build appends a u32) are ignored.
 */
export function x86Stream(bytes: Uint8Array): X86Stream | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 64 || view.getUint8(7) !== CHECK_CRC32) return undefined
  const headerLength = (view.getUint8(STREAM_HEADER) + 1) * 4
  const filters = bytes.subarray(STREAM_HEADER + 2, STREAM_HEADER + 7)
  // Two filters and no sizes: x86 without properties, LZMA2 with one byte of them.
  if (
    view.getUint8(STREAM_HEADER + 1) !== 1 ||
    filters[0] !== FILTER_X86 ||
    filters[1] !== 0 ||
    filters[2] !== FILTER_LZMA2 ||
    filters[3] !== 1
  )
    return undefined
  const dictionary = filters[4] ?? 0

  const end = streamEnd(bytes)
  if (end === undefined) return undefined
  const indexLength = (view.getUint32(end - 8, true) + 1) * 4
  const indexStart = end - 12 - indexLength
  if (
    indexStart < STREAM_HEADER + headerLength ||
    view.getUint8(indexStart) !== 0 ||
    view.getUint8(indexStart + 1) !== 1
  )
    return undefined
  const unpadded = readNumber(bytes, indexStart + 2)
  const uncompressed = readNumber(bytes, unpadded.next)
  const compressed = unpadded.value - headerLength - 4
  const data = STREAM_HEADER + headerLength
  const checkAt = Math.ceil((data + compressed) / 4) * 4
  if (compressed <= 0 || checkAt + 4 !== indexStart) return undefined
  const expected = view.getUint32(checkAt, true)

  const flags = Uint8Array.of(0, CHECK_NONE)
  const blockHeader = withCrc(Uint8Array.of(2, 0, FILTER_LZMA2, 1, dictionary, 0, 0, 0))
  const index = withCrc(
    pad4([0, 1, ...writeNumber(blockHeader.length + compressed), ...writeNumber(uncompressed.value)]),
  )
  const backward = new Uint8Array(4)
  new DataView(backward.buffer).setUint32(0, index.length / 4 - 1, true)
  const footer = Uint8Array.of(...backward, ...flags)
  const padding = new Uint8Array((4 - (compressed % 4)) % 4)
  const plain = Buffer.concat([
    bytes.subarray(0, 6),
    flags,
    crcOf(flags),
    blockHeader,
    bytes.subarray(data, data + compressed),
    padding,
    index,
    crcOf(footer),
    footer,
    Uint8Array.of(0x59, 0x5a),
  ])
  return {
    plain,
    finish(output) {
      unfilterX86(output)
      return output.length === uncompressed.value && crc32(output) === expected
    },
  }
}

/** The end of the stream: "YZ", at most a few bytes before the end of what was given. */
function streamEnd(bytes: Uint8Array): number | undefined {
  for (let end = bytes.length; end > bytes.length - 8 && end > STREAM_HEADER * 2; end--) {
    if (bytes[end - 2] === 0x59 && bytes[end - 1] === 0x5a) return end
  }
  return undefined
}

/** Multibyte integers: seven bits a byte, low first, at most nine bytes; these stay below 2^53. */
function readNumber(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0
  for (let i = 0; i < 7; i++) {
    const byte = bytes[at + i] ?? 0
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, next: at + i + 1 }
  }
  return { value: 0, next: at }
}

function writeNumber(value: number): number[] {
  const out: number[] = []
  for (; value >= 0x80; value = Math.floor(value / 0x80)) out.push((value % 0x80) | 0x80)
  return [...out, value]
}

function pad4(bytes: readonly number[]): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / 4) * 4)
  out.set(bytes)
  return out
}

function crcOf(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, crc32(bytes), true)
  return out
}

function withCrc(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes, ...crcOf(bytes))
}

/** By how many of the last three bytes looked like opcodes: may this one be converted, and which byte decides? */
const ALLOWED: readonly boolean[] = [true, true, true, false, true, false, false, false]
const DECIDING: readonly number[] = [0, 1, 2, 2, 3, 3, 3, 3]

/**
 * Turns the absolute targets of CALL and JMP (E8, E9) back into relative ones, in place: the branch filter of the
 * LZMA SDK (Igor Pavlov, public domain), whose mask rules must be met exactly.
 */
function unfilterX86(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const signByte = (value: number): boolean => value === 0x00 || value === 0xff
  let last = -1
  let mask = 0
  for (let i = 0; i + 4 < bytes.length; i++) {
    if (((bytes[i] ?? 0) & 0xfe) !== 0xe8) continue
    const distance = i - last
    last = i
    if (distance > 3) mask = 0
    else {
      mask = (mask << (distance - 1)) & 7
      if (mask !== 0 && (ALLOWED[mask] !== true || signByte(bytes[i + 4 - (DECIDING[mask] ?? 0)] ?? 0))) {
        mask = ((mask << 1) | 1) & 0xff
        continue
      }
    }
    if (!signByte(bytes[i + 4] ?? 0)) {
      mask = ((mask << 1) | 1) & 0xff
      continue
    }
    let from = view.getUint32(i + 1, true)
    let to: number
    for (;;) {
      to = (from - (i + 5)) | 0
      if (mask === 0) break
      const shift = (DECIDING[mask] ?? 0) * 8
      if (!signByte((to >>> (24 - shift)) & 0xff)) break
      from = to ^ (2 ** (32 - shift) - 1)
    }
    to &= 0x01ff_ffff
    to |= -(to & 0x0100_0000)
    view.setInt32(i + 1, to, true)
    i += 4
  }
}
