import { damaged, unsupported } from '../errors.ts'
import { equalBytes } from '../identity.ts'
import type { ByteStore } from '../store.ts'
import { crc32c } from './crc32c.ts'
import { ZERO_GUID, type Guid } from './guid.ts'

/** The current header (MS-VHDX 2.2.2), little endian, and which of the two places holds it. */
export interface VhdxHeader {
  /** 0: at 64 KiB, 1: at 128 KiB. */
  readonly place: 0 | 1
  readonly sequence: bigint
  readonly fileWriteGuid: Guid
  readonly dataWriteGuid: Guid
  /** All zeros: no log to replay. */
  readonly logGuid: Guid
  readonly logLength: number
  readonly logOffset: number
}

export const MB = 2 ** 20
export const KB = 1024
/** Everything below is the file identifier, headers and region tables. */
export const HEADER_SECTION = MB
export const HEADER_PLACES = [64 * KB, 128 * KB] as const
const HEADER_SIZE = 4096
/** "head", "vhdx", "file" as little-endian numbers. */
const HEAD = 0x64616568
const VHDX = 0x78646876
const FILE = 0x656c6966
/** Offsets beyond this (128 TiB) are refused: the disk itself has at most 64 TiB. */
export const MAX_OFFSET = 2 ** 47

export const hasLog = (header: VhdxHeader): boolean => !equalBytes(header.logGuid, ZERO_GUID)

/** The 64-bit number at `at`; Infinity where it exceeds any offset that can be valid. */
export function offsetAt(view: DataView, at: number): number {
  const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32
  return value > MAX_OFFSET ? Infinity : value
}

export function encodeHeader(header: VhdxHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, HEAD, true)
  view.setBigUint64(8, header.sequence, true)
  bytes.set(header.fileWriteGuid, 16)
  bytes.set(header.dataWriteGuid, 32)
  bytes.set(header.logGuid, 48)
  view.setUint16(64, 0, true)
  view.setUint16(66, 1, true)
  view.setUint32(68, header.logLength, true)
  view.setBigUint64(72, BigInt(header.logOffset), true)
  view.setUint32(4, crc32c(bytes, 4), true)
  return bytes
}

/** The file type identifier (2.2.1): "vhdxfile", and who made it in UTF-16. */
export function encodeFileIdentifier(creator: string): Uint8Array {
  const bytes = new Uint8Array(8 + 512)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, VHDX, true)
  view.setUint32(4, FILE, true)
  for (let i = 0; i < Math.min(255, creator.length); i++) view.setUint16(8 + i * 2, creator.charCodeAt(i), true)
  return bytes
}

export function isVhdx(store: ByteStore): boolean {
  const bytes = new Uint8Array(8)
  store.read(0, bytes)
  const view = new DataView(bytes.buffer)
  return view.getUint32(0, true) === VHDX && view.getUint32(4, true) === FILE
}

/** Reads both headers and returns the current one. */
export function readHeader(store: ByteStore): VhdxHeader {
  if (!isVhdx(store)) throw damaged('VHDX file type identifier', 'the file does not start with "vhdxfile"')
  const [first, second] = [parse(store, 0), parse(store, 1)]
  if (first === undefined && second === undefined)
    throw damaged('VHDX header', 'neither of the two has a valid signature and checksum')
  // Neither is current then (2.2.2); Disk2vhd writes the same one twice.
  if (first !== undefined && second !== undefined && first.sequence === second.sequence) {
    if (!equalBytes(first.bytes, second.bytes))
      throw damaged('VHDX header', `two have sequence number ${first.sequence} and other contents`)
  }
  let current = (first ?? second) as ParsedHeader
  if (first !== undefined && second !== undefined && second.sequence > first.sequence) current = second
  const { version, logVersion, bytes: _bytes, ...header } = current
  if (version !== 1) throw unsupported('VHDX header', `format version ${version} is not 1`, { version })
  if (hasLog(header) && logVersion !== 0)
    throw unsupported('VHDX header', `log version ${logVersion} is not 0`, { logVersion })
  if (header.logLength % MB !== 0 || (hasLog(header) && header.logLength === 0))
    throw damaged('VHDX header', `log length ${header.logLength} is not a multiple of 1 MiB`)
  if (
    header.logLength > 0 &&
    (header.logOffset % MB !== 0 ||
      header.logOffset < HEADER_SECTION ||
      header.logOffset + header.logLength > MAX_OFFSET)
  ) {
    throw damaged('VHDX header', `log offset ${header.logOffset} is not a multiple of 1 MiB after the header section`)
  }
  return header
}

type ParsedHeader = VhdxHeader & {
  readonly version: number
  readonly logVersion: number
  /** All of it. */
  readonly bytes: Uint8Array
}

function parse(store: ByteStore, place: 0 | 1): ParsedHeader | undefined {
  const bytes = new Uint8Array(HEADER_SIZE)
  store.read(HEADER_PLACES[place], bytes)
  const view = new DataView(bytes.buffer)
  if (view.getUint32(0, true) !== HEAD || view.getUint32(4, true) !== crc32c(bytes, 4)) return undefined
  return {
    bytes,
    place,
    sequence: view.getBigUint64(8, true),
    fileWriteGuid: bytes.slice(16, 32),
    dataWriteGuid: bytes.slice(32, 48),
    logGuid: bytes.slice(48, 64),
    logVersion: view.getUint16(64, true),
    version: view.getUint16(66, true),
    logLength: view.getUint32(68, true),
    logOffset: offsetAt(view, 72),
  }
}

/**
 * Replaces both headers (2.2.2.1), the out-of-date one first, each made durable before the next: a torn one leaves
 * the other. `file.header` is always the one that is durable.
 */
export function updateHeaders(
  file: { readonly store: ByteStore; header: VhdxHeader },
  changes: Partial<VhdxHeader>,
): void {
  for (let round = 0; round < 2; round++) {
    const { header } = file
    const next: VhdxHeader = {
      ...header,
      ...changes,
      place: header.place === 0 ? 1 : 0,
      sequence: header.sequence + 1n,
    }
    file.store.write(HEADER_PLACES[next.place], encodeHeader(next))
    file.store.flush()
    file.header = next
  }
}
