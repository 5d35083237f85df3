import { gunzipSync } from 'node:zlib'
import { decompress as unzstd } from 'fzstd'
import xz from 'xz-decompress'
import { MachineError } from '../errors.ts'
import { lz4Legacy } from './lz4.ts'
import { x86Stream } from './xz-x86.ts'

export type Compression = 'gzip' | 'xz' | 'zstd' | 'lz4' | 'none'

const MAGIC: readonly (readonly [Exclude<Compression, 'none'>, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  // LZ4 legacy frame, the only one that the kernel's build makes.
  ['lz4', [0x02, 0x21, 0x4c, 0x18]],
]

/** The compression that the first bytes name. */
export function compressionOf(bytes: Uint8Array): Compression {
  return MAGIC.find(([, magic]) => magic.every((value, i) => bytes[i] === value))?.[0] ?? 'none'
}

export interface DecompressOptions {
  /** What is being unpacked, for the error. */
  readonly what: string
  /** More output than this is an error: a small file can claim terabytes. Default 1 GiB. */
  readonly limit?: number
}

/** Unpacks gzip, XZ (with the x86 filter), zstd or LZ4 legacy, by magic; other bytes are returned as they are. */
export async function decompress(bytes: Uint8Array, { what, limit = 2 ** 30 }: DecompressOptions): Promise<Uint8Array> {
  const kind = compressionOf(bytes)
  try {
    switch (kind) {
      case 'none':
        return bytes
      case 'gzip':
        return gunzipSync(bytes, { maxOutputLength: limit })
      case 'zstd':
        return bounded(unzstd(bytes), what, limit)
      case 'lz4':
        return lz4Legacy(bytes, limit)
      case 'xz':
        return await unxzFiltered(bytes, what, limit)
    }
  } catch (cause) {
    if (cause instanceof MachineError) throw cause
    throw new MachineError(
      'VMBUS_IMAGE_TRUNCATED',
      `${what} is not a whole ${kind} stream`,
      { what, compression: kind },
      cause,
    )
  }
}

function bounded(out: Uint8Array, what: string, limit: number): Uint8Array {
  if (out.length > limit)
    throw new MachineError('VMBUS_IMAGE_FORMAT', `${what} unpacks to more than ${limit} bytes`, { what, limit })
  return out
}

async function unxzFiltered(bytes: Uint8Array, what: string, limit: number): Promise<Uint8Array> {
  const filtered = x86Stream(bytes)
  if (filtered === undefined) return unxz(bytes, what, limit)
  const out = await unxz(filtered.plain, what, limit)
  if (!filtered.finish(out)) throw new MachineError('VMBUS_IMAGE_FORMAT', `${what} fails its CRC32`, { what })
  return out
}

/** The XZ decoder is a stream; its input is whole, so only the output is collected. */
async function unxz(bytes: Uint8Array, what: string, limit: number): Promise<Uint8Array> {
  let given = 0
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (given >= bytes.length) return controller.close()
      const next = Math.min(given + 65_536, bytes.length)
      controller.enqueue(bytes.subarray(given, next))
      given = next
    },
  })
  const pieces: Uint8Array[] = []
  let length = 0
  for (const reader = new xz.XzReadableStream(source).getReader(); ;) {
    const { done, value } = await reader.read()
    if (done) break
    // The decoder reuses its buffer.
    pieces.push(value.slice())
    length += value.length
    if (length > limit) {
      await reader.cancel()
      return bounded(new Uint8Array(0), what, -1)
    }
  }
  const out = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}
