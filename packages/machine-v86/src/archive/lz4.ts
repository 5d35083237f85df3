import { MachineError } from '../errors.ts'

/**
 * The LZ4 legacy frame (lz4 doc/lz4_Frame_format.md, "Legacy frame"): magic, then blocks of u32 length + LZ4 block,
 * each of at most 8 MiB unpacked. The kernel's build appends a u32 with the unpacked size, which ends the blocks here.
 */
const BLOCK_LIMIT = 8 * 1024 * 1024

export function lz4Legacy(bytes: Uint8Array, limit: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pieces: Uint8Array[] = []
  let length = 0
  let at = 4
  while (at + 4 < bytes.length) {
    const packed = view.getUint32(at, true)
    at += 4
    if (packed > bytes.length - at) break
    const piece = lz4Block(bytes.subarray(at, at + packed))
    at += packed
    length += piece.length
    if (length > limit) throw corrupt(`more than ${limit} bytes`)
    pieces.push(piece)
  }
  if (pieces.length === 0) throw corrupt('no block')
  const out = new Uint8Array(length)
  pieces.reduce((offset, piece) => {
    out.set(piece, offset)
    return offset + piece.length
  }, 0)
  return out
}

const corrupt = (why: string): MachineError => new MachineError('VMBUS_IMAGE_FORMAT', `LZ4 data is corrupt: ${why}`)

/** One LZ4 block (lz4 doc/lz4_Block_format.md): sequences of literals and a match of at least 4 bytes. */
function lz4Block(input: Uint8Array): Uint8Array {
  const out = new Uint8Array(BLOCK_LIMIT)
  let from = 0
  let to = 0
  const extended = (nibble: number): number => {
    let length = nibble
    if (nibble === 15) {
      for (;;) {
        const more = input[from++]
        if (more === undefined) throw corrupt('a length is cut off')
        length += more
        if (more !== 255) break
      }
    }
    return length
  }
  while (from < input.length) {
    const token = input[from++] ?? 0
    const literals = extended(token >> 4)
    if (from + literals > input.length || to + literals > out.length) throw corrupt('literals reach past the block')
    out.set(input.subarray(from, from + literals), to)
    from += literals
    to += literals
    if (from === input.length) break
    const low = input[from]
    const high = input[from + 1]
    if (low === undefined || high === undefined) throw corrupt('a match offset is cut off')
    from += 2
    const offset = low | (high << 8)
    const length = extended(token & 15) + 4
    if (offset === 0 || offset > to || to + length > out.length) throw corrupt('a match reaches outside the output')
    // Matches may overlap their own output, so byte by byte.
    for (let i = 0; i < length; i++, to++) out[to] = out[to - offset] ?? 0
  }
  return out.slice(0, to)
}
