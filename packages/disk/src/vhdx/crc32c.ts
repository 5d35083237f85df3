/** CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), the checksum of every VHDX structure: four bytes at a time. */
const TABLES: readonly Uint32Array[] = (() => {
  const tables = [0, 1, 2, 3].map(() => new Uint32Array(256))
  const [t0, t1, t2, t3] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array]
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
    t0[n] = c >>> 0
  }
  const next = (c: number): number => ((c >>> 8) ^ (t0[c & 0xff] as number)) >>> 0
  for (let n = 0; n < 256; n++) {
    t1[n] = next(t0[n] as number)
    t2[n] = next(t1[n] as number)
    t3[n] = next(t2[n] as number)
  }
  return tables
})()

/** CRC-32C of `bytes`, with the four bytes at `zeroed` taken as zeros. */
export function crc32c(bytes: Uint8Array, zeroed = -1): number {
  const [t0, t1, t2, t3] = TABLES as [Uint32Array, Uint32Array, Uint32Array, Uint32Array]
  let c = 0xffffffff
  let i = 0
  const step = (end: number): void => {
    for (; i + 4 <= end; i += 4) {
      c ^=
        (bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24)
      c =
        (t3[c & 0xff] as number) ^
        (t2[(c >>> 8) & 0xff] as number) ^
        (t1[(c >>> 16) & 0xff] as number) ^
        (t0[c >>> 24] as number)
    }
    for (; i < end; i++) c = (c >>> 8) ^ (t0[(c ^ (bytes[i] as number)) & 0xff] as number)
  }
  if (zeroed >= 0) {
    step(zeroed)
    for (let k = 0; k < 4; k++) c = (c >>> 8) ^ (t0[c & 0xff] as number)
    i = zeroed + 4
  }
  step(bytes.length)
  return ~c >>> 0
}
