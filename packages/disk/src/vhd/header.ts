import { integer, list, object, oneOf, text, u32, type Shape } from '@vmbus/world'
import { damaged, unsupported } from '../errors.ts'
import { multiple, same } from '../state.ts'
import { VHD_SECTOR, ascii, putAscii, vhdChecksum } from './footer.ts'
import type { VhdLocatorEntry } from './locator.ts'

/**
 * The dynamic disk header, 1024 bytes, big endian (VHD 1.0, "Dynamic Disk Header Format"). All that changes after
 * creation (table offset, entries, checksum) is in its first sector.
 */
export interface VhdHeader {
  /** Byte offset of the block allocation table. */
  readonly tableOffset: number
  readonly tableEntries: number
  /** Bytes of data in a block, a power of two. */
  readonly blockSize: number
  readonly parentId: Uint8Array
  /** Seconds since 2000-01-01 UTC. */
  readonly parentTimestamp: number
  readonly parentName: string
  readonly locators: readonly VhdLocatorEntry[]
}

export const HEADER_SIZE = 1024
const LOCATORS = 8
const NAME = 'VHD dynamic disk header'

export function encodeHeader(header: VhdHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE)
  const view = new DataView(bytes.buffer)
  putAscii(bytes, 0, 'cxsparse')
  view.setBigUint64(8, 0xffffffffffffffffn)
  view.setBigUint64(16, BigInt(header.tableOffset))
  view.setUint32(24, 0x00010000)
  view.setUint32(28, header.tableEntries)
  view.setUint32(32, header.blockSize)
  bytes.set(header.parentId, 40)
  view.setUint32(56, header.parentTimestamp)
  // The name is UTF-16, like every number here big endian; 256 units, the last one a NUL.
  for (let i = 0; i < Math.min(header.parentName.length, 255); i++)
    view.setUint16(64 + i * 2, header.parentName.charCodeAt(i))
  header.locators.forEach((locator, i) => {
    const at = 576 + i * 24
    putAscii(bytes, at, locator.platform)
    view.setUint32(at + 4, locator.sectors)
    view.setUint32(at + 8, locator.length)
    view.setBigUint64(at + 16, BigInt(locator.offset))
  })
  view.setUint32(36, vhdChecksum(bytes, 36))
  return bytes
}

export function parseHeader(bytes: Uint8Array): VhdHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  if (ascii(bytes, 0, 8) !== 'cxsparse') throw damaged(NAME, 'the cookie is not "cxsparse"')
  if (view.getUint32(36) !== vhdChecksum(bytes, 36)) throw damaged(NAME, 'the checksum is wrong')
  if (view.getUint16(24) !== 1)
    throw unsupported(NAME, `header version ${view.getUint16(24)}.${view.getUint16(26)} is not 1.x`)
  const blockSize = view.getUint32(32)
  // 4 KiB up to 256 MiB: below, a block's bitmap would be less than a byte; nobody is known to write larger ones.
  if (blockSize < 4096 || blockSize > 2 ** 28 || (blockSize & (blockSize - 1)) !== 0) {
    throw damaged(NAME, `block size ${blockSize} is not a power of two from 4 KiB to 256 MiB`, { blockSize })
  }
  const tableOffset = view.getBigUint64(16)
  if (tableOffset % 512n !== 0n || tableOffset > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw damaged(NAME, `table offset 0x${tableOffset.toString(16)} is not on a sector`)
  }
  let parentName = ''
  for (let i = 0; i < 256 && view.getUint16(64 + i * 2) !== 0; i++)
    parentName += String.fromCharCode(view.getUint16(64 + i * 2))
  const locators: VhdLocatorEntry[] = []
  for (let i = 0; i < LOCATORS; i++) {
    const at = 576 + i * 24
    if (view.getUint32(at) === 0) continue
    const offset = view.getBigUint64(at + 16)
    const length = view.getUint32(at + 8)
    if (offset > BigInt(Number.MAX_SAFE_INTEGER) || length > 65536)
      throw damaged(NAME, `parent locator ${i + 1} lies at ${offset}, ${length} bytes`)
    locators.push({ platform: ascii(bytes, at, 4), sectors: view.getUint32(at + 4), length, offset: Number(offset) })
  }
  return {
    tableOffset: Number(tableOffset),
    tableEntries: view.getUint32(28),
    blockSize,
    parentId: bytes.slice(40, 56),
    parentTimestamp: view.getUint32(56),
    parentName,
    locators,
  }
}

/** A saved header of the same disk. */
export function headerState({ blockSize, parentId }: VhdHeader): Shape<VhdHeader> {
  const locator = object<VhdLocatorEntry>({ platform: text, sectors: u32, length: u32, offset: integer() })
  return object<VhdHeader>({
    tableOffset: multiple(VHD_SECTOR),
    tableEntries: integer(1, 2 ** 26),
    blockSize: oneOf(blockSize),
    parentId: same(parentId),
    parentTimestamp: u32,
    parentName: text,
    locators: list(locator),
  })
}
