import { bytes, flag, integer, object, oneOf, optional, text, u32, type Shape } from '@vmbus/world'
import { damaged, unsupported } from '../errors.ts'
import { multiple, same } from '../state.ts'

/**
 * The hard disk footer, 512 bytes, big endian (Virtual Hard Disk Image Format Specification 1.0, "Hard Disk Footer Format").
 * Dynamic and differencing images start with a copy of it.
 */
export interface VhdFooter {
  /** Byte offset of the dynamic disk header; undefined in a fixed image, where it is all ones. */
  readonly headerOffset: number | undefined
  /** Creation time: seconds since 2000-01-01 UTC. */
  readonly timestamp: number
  /** Four ASCII characters. */
  readonly creator: string
  readonly originalSize: number
  readonly currentSize: number
  readonly type: VhdType
  /** 16 bytes. */
  readonly uniqueId: Uint8Array
  readonly savedState: boolean
  /** The footer that this was read from: what is not changed stays as its creator wrote it. */
  readonly origin: Uint8Array | undefined
}

export type VhdType = 'fixed' | 'dynamic' | 'differencing'

export const FOOTER_SIZE = 512
export const VHD_SECTOR = 512

const TYPES: Readonly<Record<VhdType, number>> = { fixed: 2, dynamic: 3, differencing: 4 }
/** Features: the reserved bit that is always set. */
const FEATURES_RESERVED = 2
const VERSION_1_0 = 0x00010000
const WINDOWS = 'Wi2k'
/** Version 10.0 as Windows Server 2016 and later have it; nothing reads it. */
const CREATOR_VERSION = 0x000a0000
const NO_OFFSET = 0xffffffffffffffffn
/** 2040 GiB: "the maximum size of a dynamic hard disk". */
export const VHD_MAX_SIZE = 2040 * 2 ** 30

/** One's complement of the sum of all bytes but the checksum's own four. */
export function vhdChecksum(bytes: Uint8Array, checksumAt: number): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i++) if (i < checksumAt || i >= checksumAt + 4) sum += bytes[i] as number
  return ~sum >>> 0
}

export function ascii(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length))
}

export function putAscii(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
}

/** Cylinders, heads and sectors per track of a size ("Appendix: CHS Calculation"). */
function geometryOf(bytes: number): { cylinders: number; heads: number; sectors: number } {
  const total = Math.min(Math.floor(bytes / VHD_SECTOR), 65535 * 16 * 255)
  let sectors = 17
  let heads = 16
  let tracks: number
  if (total >= 65535 * 16 * 63) {
    sectors = 255
    tracks = Math.floor(total / sectors)
  } else {
    tracks = Math.floor(total / sectors)
    heads = Math.max(4, Math.floor((tracks + 1023) / 1024))
    if (tracks >= heads * 1024 || heads > 16) {
      sectors = 31
      heads = 16
      tracks = Math.floor(total / sectors)
    }
    if (tracks >= heads * 1024) {
      sectors = 63
      heads = 16
      tracks = Math.floor(total / sectors)
    }
  }
  return { cylinders: Math.floor(tracks / heads), heads, sectors }
}

export function encodeFooter(footer: VhdFooter): Uint8Array {
  const bytes = footer.origin?.slice() ?? encodeNew(footer)
  const view = new DataView(bytes.buffer)
  if (view.getBigUint64(48) !== BigInt(footer.currentSize)) putSize(view, footer.currentSize)
  view.setUint32(64, vhdChecksum(bytes, 64))
  return bytes
}

function putSize(view: DataView, currentSize: number): void {
  view.setBigUint64(48, BigInt(currentSize))
  const { cylinders, heads, sectors } = geometryOf(currentSize)
  view.setUint16(56, cylinders)
  view.setUint8(58, heads)
  view.setUint8(59, sectors)
}

function encodeNew(footer: VhdFooter): Uint8Array {
  const bytes = new Uint8Array(FOOTER_SIZE)
  const view = new DataView(bytes.buffer)
  putAscii(bytes, 0, 'conectix')
  view.setUint32(8, FEATURES_RESERVED)
  view.setUint32(12, VERSION_1_0)
  view.setBigUint64(16, footer.headerOffset === undefined ? NO_OFFSET : BigInt(footer.headerOffset))
  view.setUint32(24, footer.timestamp)
  putAscii(bytes, 28, footer.creator)
  view.setUint32(32, CREATOR_VERSION)
  putAscii(bytes, 36, WINDOWS)
  view.setBigUint64(40, BigInt(footer.originalSize))
  putSize(view, footer.currentSize)
  view.setUint32(60, TYPES[footer.type])
  bytes.set(footer.uniqueId, 68)
  view.setUint8(84, footer.savedState ? 1 : 0)
  return bytes
}

/** True when the cookie and the checksum are right, so that the other fields may be judged. */
export function isFooter(bytes: Uint8Array): boolean {
  if (ascii(bytes, 0, 8) !== 'conectix') return false
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(64) === vhdChecksum(bytes, 64)
}

export function parseFooter(bytes: Uint8Array): VhdFooter {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const name = 'VHD hard disk footer'
  if (view.getUint16(12) !== 1)
    throw unsupported(name, `file format version ${view.getUint16(12)}.${view.getUint16(14)} is not 1.x`)
  const number = view.getUint32(60)
  const type = (Object.keys(TYPES) as VhdType[]).find((key) => TYPES[key] === number)
  if (type === undefined)
    throw unsupported(name, `disk type ${number} is not fixed (2), dynamic (3) or differencing (4)`, { type: number })
  const currentSize = view.getBigUint64(48)
  // Where the sectors of a table end is no limit of the sectors of a fixed image.
  const most = type === 'fixed' ? Number.MAX_SAFE_INTEGER : VHD_MAX_SIZE
  if (currentSize === 0n || currentSize % 512n !== 0n || currentSize > BigInt(most)) {
    throw damaged(name, `current size ${currentSize} is not a number of sectors up to ${most} bytes`, {
      currentSize: String(currentSize),
    })
  }
  const headerOffset = view.getBigUint64(16)
  if (type !== 'fixed' && (headerOffset % 512n !== 0n || headerOffset > BigInt(Number.MAX_SAFE_INTEGER))) {
    throw damaged(name, `data offset 0x${headerOffset.toString(16)} is not on a sector`)
  }
  return {
    headerOffset: type === 'fixed' ? undefined : Number(headerOffset),
    timestamp: view.getUint32(24),
    creator: ascii(bytes, 28, 4),
    originalSize: Number(view.getBigUint64(40)),
    currentSize: Number(currentSize),
    type,
    uniqueId: bytes.slice(68, 84),
    savedState: view.getUint8(84) !== 0,
    origin: bytes.slice(),
  }
}

/** A saved footer of the same disk. */
export function footerState({ type, uniqueId, headerOffset }: VhdFooter): Shape<VhdFooter> {
  return object<VhdFooter>({
    headerOffset: oneOf(headerOffset),
    timestamp: u32,
    creator: text,
    originalSize: integer(),
    currentSize: multiple(VHD_SECTOR, 1),
    type: oneOf(type),
    uniqueId: same(uniqueId),
    savedState: flag,
    origin: optional(bytes(FOOTER_SIZE)),
  })
}
