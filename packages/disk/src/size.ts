import { badOption } from './errors.ts'

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** Bytes of `4096`, `'512K'`, `'64M'`, `'1.5G'` or `'2T'` (binary units), which must be whole sectors. */
export function parseSize(size: number | string, sectorSize: number): number {
  const match = typeof size === 'number' ? undefined : /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(size)
  const bytes = typeof size === 'number' ? size : match ? Number(match[1]) * (UNITS[match[2] ?? ''] ?? NaN) : NaN
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes % sectorSize !== 0) {
    throw badOption(
      `size "${size}" is not a positive multiple of ${sectorSize} bytes, like 1048576, "512K", "64M" or "2T"`,
      { size },
    )
  }
  return bytes
}

/** The sector sizes of MS-VHDX 2.6.2.4 and 2.6.2.5, which are those of every disk here. */
export function checkSectorSizes(logical: number, physical: number): void {
  for (const [name, size] of [
    ['sectorSize', logical],
    ['physicalSectorSize', physical],
  ] as const) {
    if (size !== 512 && size !== 4096) throw badOption(`${name} ${size} is neither 512 nor 4096`, { [name]: size })
  }
}

/** A power of two within bounds, in bytes. */
export function isBlockSize(size: number, least: number, most: number): boolean {
  return Number.isSafeInteger(size) && size >= least && size <= most && (size & (size - 1)) === 0
}
