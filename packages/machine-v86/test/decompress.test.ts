import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compressionOf, decompress } from '../src/archive/decompress.ts'
import { MachineError } from '../src/index.ts'
import { UNPACKED_LENGTH, UNPACKED_SHA256, XZ_PLAIN, XZ_X86, ZSTD } from './support/compressed.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const code = (error: unknown): string => (error instanceof MachineError ? error.code : String(error))

/** A legacy frame of one block: 3 literals, a match of 4+2 at offset 3, 5 literals (LZ4 block format, worked by hand). */
const LZ4 = Uint8Array.from([
  0x02, 0x21, 0x4c, 0x18, 12, 0, 0, 0, 0x32, 0x61, 0x62, 0x63, 3, 0, 0x50, 0x64, 0x65, 0x66, 0x67, 0x68,
])

describe('decompress', () => {
  it.each([
    ['xz with the x86 filter', XZ_X86],
    ['xz', XZ_PLAIN],
    ['zstd', ZSTD],
  ])('unpacks %s as the program that packed it', async (what, packed) => {
    const out = await decompress(packed, { what })
    expect([out.length, sha256(out)]).toEqual([UNPACKED_LENGTH, UNPACKED_SHA256])
  })

  it('unpacks a kernel payload with its appended size', async () => {
    const withSize = Buffer.concat([XZ_X86, Buffer.from([1, 2, 3, 4])])
    expect(sha256(await decompress(withSize, { what: 'payload' }))).toBe(UNPACKED_SHA256)
  })

  it('unpacks gzip, LZ4 legacy, and returns anything else as it is', async () => {
    expect(Buffer.from(await decompress(gzipSync('words'), { what: 'gz' })).toString()).toBe('words')
    expect(Buffer.from(await decompress(LZ4, { what: 'lz4' })).toString()).toBe('abcabcabcdefgh')
    const raw = Uint8Array.of(1, 2, 3)
    expect(await decompress(raw, { what: 'raw' })).toBe(raw)
    expect(compressionOf(raw)).toBe('none')
  })

  it('refuses an LZ4 match before the beginning', async () => {
    const bad = LZ4.slice()
    bad[12] = 4
    expect(code(await decompress(bad, { what: 'lz4' }).catch((e: unknown) => e))).toBe('VMBUS_IMAGE_FORMAT')
  })

  it('stops at the limit of unpacked bytes', async () => {
    for (const packed of [XZ_PLAIN, XZ_X86, ZSTD, LZ4]) {
      expect(code(await decompress(packed, { what: 'bomb', limit: 10 }).catch((e: unknown) => e))).toBe(
        'VMBUS_IMAGE_FORMAT',
      )
    }
  })

  it('answers damaged streams with an error, never with other bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(XZ_X86, XZ_PLAIN),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (packed, at, flip) => {
          const bad = packed.slice()
          const i = 6 + (at % (bad.length - 6))
          bad[i] = (bad[i] ?? 0) ^ flip
          const out = await decompress(bad, { what: 'damaged' }).catch((error: unknown) => error)
          if (out instanceof Uint8Array) expect(sha256(out)).toBe(UNPACKED_SHA256)
          else expect(out).toBeInstanceOf(MachineError)
        },
      ),
      { seed: 11, numRuns: 60 },
    )
  })

  it.each([XZ_X86, XZ_PLAIN, ZSTD])('answers a cut stream with VMBUS_IMAGE_TRUNCATED', async (packed) => {
    expect(
      code(await decompress(packed.subarray(0, packed.length >> 1), { what: 'cut' }).catch((e: unknown) => e)),
    ).toBe('VMBUS_IMAGE_TRUNCATED')
  })
})
