import type { DvdState } from './state.ts'

const msf = (block: number): [number, number, number, number] => [
  0,
  Math.floor((block + 150) / 75 / 60) & 0xff,
  Math.floor((block + 150) / 75) % 60,
  (block + 150) % 75,
]
const lba = (block: number): [number, number, number, number] => [
  (block >>> 24) & 0xff,
  (block >>> 16) & 0xff,
  (block >>> 8) & 0xff,
  block & 0xff,
]

/** Answer to READ TOC (MMC-6 6.25): one data track. Undefined for formats other than the TOC (0) and the session (1). */
export function tableOfContents(format: number, inMsf: boolean, blocks: number): Uint8Array | undefined {
  const address = inMsf ? msf : lba
  const track = (number: number, block: number): number[] => [0, 0x14, number, 0, ...address(block)]
  const first = inMsf ? [0, 0x14, 1, 0, 0, 0, 2, 0] : track(1, 0)
  // The length 0x0802 and the last block as lead-out are what Hyper-V says (OpenVMM scsidvd, handle_read_toc).
  if (format === 0) return Uint8Array.from([0x08, 0x02, 1, 1, ...first, ...track(0xaa, blocks - 1)])
  if (format === 1) return Uint8Array.from([0, 10, 1, 1, ...first])
  return undefined
}

/** Answer to READ DVD STRUCTURE (MMC-6 6.22); undefined for formats that the disc does not have. */
export function dvdStructure(format: number): Uint8Array | undefined {
  if (format === 0x00)
    return Uint8Array.from([0x08, 0x02, 0, 0, 0x00, 0x04, 0x00, 0x00, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  if (format === 0x01) return Uint8Array.from([0, 6, 0, 0, 0, 0, 0, 0])
  if (format === 0x04) return Uint8Array.from([0x08, 0x02, 0, 0])
  return undefined
}

/** Answer to READ DISC INFORMATION (MMC-6 6.21): a finished disc of one session. */
export function discInformation(): Uint8Array {
  const data = new Uint8Array(34)
  data.set([0, 0x20, 0x0e, 1, 1, 1, 1, 0x20])
  return data
}

const MODE_PAGES: ReadonlyMap<number, readonly number[]> = new Map([
  // Error recovery, power condition, time-out and protect (MMC-6 7).
  [0x01, [0x01, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  [0x1a, [0x1a, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  [0x1d, [0x1d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
])

/** Answer to MODE SENSE (10); undefined for a page that the drive does not have. */
export function dvdModePages(page: number): Uint8Array | undefined {
  const pages = page === 0x3f ? [...MODE_PAGES.values()].flat() : MODE_PAGES.get(page)
  if (pages === undefined) return undefined
  const length = 8 + pages.length
  return Uint8Array.from([0, length - 2, 0, 0, 0, 0, 0, 0, ...pages])
}

/** Answer to MECHANISM STATUS (MMC-6 6.8). */
export const mechanismStatus = ({ trayOpen }: DvdState): Uint8Array =>
  Uint8Array.from([0, trayOpen ? 0x10 : 0, 0, 0, 0, 0, 0, 0])
