import { damaged } from '../errors.ts'
import { equalBytes } from '../identity.ts'
import type { ByteStore } from '../store.ts'
import { crc32c } from './crc32c.ts'
import type { Guid } from './guid.ts'
import { MB, offsetAt, type VhdxHeader } from './header.ts'

/** The log (MS-VHDX 2.3): entries of 4-KiB sectors that describe writes of 4 KiB, little endian. */
export const SECTOR = 4096
const LOGE = 0x65676f6c
const ZERO = 0x6f72657a
const DESC = 0x63736564
const DATA = 0x61746164
const ENTRY_HEADER = 64
const DESCRIPTOR = 32

/** One write that an entry describes: a page of 4 KiB, or zeros over `length` bytes. */
type LoggedWrite =
  | { readonly offset: number; readonly page: Uint8Array }
  | { readonly offset: number; readonly length: number }

export interface LogEntry {
  readonly sequence: bigint
  /** Offsets from the start of the log. */
  readonly at: number
  readonly length: number
  readonly tail: number
  readonly flushedFileOffset: number
  readonly lastFileOffset: number
  readonly writes: readonly LoggedWrite[]
}

const descriptorSectors = (count: number): number => Math.ceil((ENTRY_HEADER + count * DESCRIPTOR) / SECTOR)

/** Bytes of an entry with so many pages. */
export function entrySize(pages: number): number {
  return (descriptorSectors(pages) + pages) * SECTOR
}

export interface EntryToWrite {
  readonly sequence: bigint
  readonly logGuid: Guid
  readonly tail: number
  readonly flushedFileOffset: number
  readonly lastFileOffset: number
  readonly pages: readonly { readonly offset: number; readonly page: Uint8Array }[]
}

export function encodeEntry(entry: EntryToWrite): Uint8Array {
  const bytes = new Uint8Array(entrySize(entry.pages.length))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, LOGE, true)
  view.setUint32(8, bytes.length, true)
  view.setUint32(12, entry.tail, true)
  view.setBigUint64(16, entry.sequence, true)
  view.setUint32(24, entry.pages.length, true)
  bytes.set(entry.logGuid, 32)
  view.setBigUint64(48, BigInt(entry.flushedFileOffset), true)
  view.setBigUint64(56, BigInt(entry.lastFileOffset), true)
  const firstData = descriptorSectors(entry.pages.length) * SECTOR
  entry.pages.forEach(({ offset, page }, i) => {
    const at = ENTRY_HEADER + i * DESCRIPTOR
    const data = firstData + i * SECTOR
    view.setUint32(at, DESC, true)
    bytes.set(page.subarray(4092, 4096), at + 4)
    bytes.set(page.subarray(0, 8), at + 8)
    view.setBigUint64(at + 16, BigInt(offset), true)
    view.setBigUint64(at + 24, entry.sequence, true)
    bytes.set(page.subarray(8, 4092), data + 8)
    view.setUint32(data, DATA, true)
    view.setUint32(data + 4, Number(entry.sequence >> 32n), true)
    view.setUint32(data + 4092, Number(entry.sequence & 0xffffffffn), true)
  })
  view.setUint32(4, crc32c(bytes, 4), true)
  return bytes
}

/** The log as sectors, of which the last wraps to the first. Read a mebibyte at a time: a view is good until the next. */
interface Ring {
  readonly length: number
  sector(at: number): DataView
  read(at: number, into: Uint8Array): void
}

function ringOf(store: ByteStore, { logOffset, logLength }: VhdxHeader): Ring {
  const piece = new Uint8Array(MB)
  let from = -1
  return {
    length: logLength,
    sector(at) {
      const start = Math.floor((at % logLength) / MB) * MB
      if (start !== from) store.read(logOffset + start, piece)
      from = start
      return new DataView(piece.buffer, (at % logLength) - start, SECTOR)
    },
    read(at, into) {
      const first = Math.min(into.length, logLength - at)
      store.read(logOffset + at, into, 0, first)
      if (first < into.length) store.read(logOffset, into, first, into.length - first)
    },
  }
}

/**
 * Whether what an entry says of its sectors is true. They are looked at one by one and no further than they are right: a
 * sector begins as a header, as descriptors or as data, and so belongs to one entry at most, whatever lengths are claimed.
 */
function hasSectors(ring: Ring, at: number, length: number, sequence: bigint, count: number): boolean {
  let data = at + descriptorSectors(count) * SECTOR
  let end = data
  for (let i = 0; i < count; i++) {
    const descriptor = ENTRY_HEADER + i * DESCRIPTOR
    const within = descriptor % SECTOR
    const view = ring.sector(at + descriptor - within)
    const kind = view.getUint32(within, true)
    if ((kind !== DESC && kind !== ZERO) || view.getBigUint64(within + 24, true) !== sequence) return false
    if (kind === DESC) end += SECTOR
    if (end > at + length) return false
  }
  for (; data < end; data += SECTOR) {
    const view = ring.sector(data)
    const number = (BigInt(view.getUint32(4, true)) << 32n) | BigInt(view.getUint32(4092, true))
    if (view.getUint32(0, true) !== DATA || number !== sequence) return false
  }
  return end === at + length
}

/** The entry at `at`, if every field of it is valid. */
function readEntry(ring: Ring, header: VhdxHeader, at: number): LogEntry | undefined {
  const head = ring.sector(at)
  if (head.getUint32(0, true) !== LOGE) return undefined
  const length = head.getUint32(8, true)
  const tail = head.getUint32(12, true)
  const sequence = head.getBigUint64(16, true)
  const count = head.getUint32(24, true)
  const logGuid = new Uint8Array(head.buffer, head.byteOffset + 32, 16)
  const shaped =
    length >= SECTOR &&
    length % SECTOR === 0 &&
    length <= ring.length &&
    tail % SECTOR === 0 &&
    tail < ring.length &&
    sequence > 0n &&
    descriptorSectors(count) * SECTOR <= length &&
    equalBytes(logGuid, header.logGuid)
  if (!shaped || !hasSectors(ring, at, length, sequence, count)) return undefined
  const bytes = new Uint8Array(length)
  ring.read(at, bytes)
  const view = new DataView(bytes.buffer)
  if (view.getUint32(4, true) !== crc32c(bytes, 4)) return undefined
  const flushedFileOffset = offsetAt(view, 48)
  const lastFileOffset = offsetAt(view, 56)
  const writes = writesOf(bytes, view, count, lastFileOffset)
  if (writes === undefined || flushedFileOffset % MB !== 0 || lastFileOffset % MB !== 0) return undefined
  return { sequence, at, length, tail, flushedFileOffset, lastFileOffset, writes }
}

/** What the descriptors of an entry say, whose sectors are right. */
function writesOf(bytes: Uint8Array, view: DataView, count: number, lastFileOffset: number): LoggedWrite[] | undefined {
  const writes: LoggedWrite[] = []
  let data = descriptorSectors(count) * SECTOR
  for (let i = 0; i < count; i++) {
    const at = ENTRY_HEADER + i * DESCRIPTOR
    const offset = offsetAt(view, at + 16)
    if (offset % SECTOR !== 0) return undefined
    if (view.getUint32(at, true) === ZERO) {
      const length = offsetAt(view, at + 8)
      // A hostile length must not make the file larger than the entry says that it is.
      if (length % SECTOR !== 0 || offset + length > lastFileOffset) return undefined
      writes.push({ offset, length })
      continue
    }
    const page = bytes.slice(data, data + SECTOR)
    page.set(bytes.subarray(at + 8, at + 16), 0)
    page.set(bytes.subarray(at + 4, at + 8), 4092)
    writes.push({ offset, page })
    data += SECTOR
  }
  return writes
}

/**
 * The active sequence (2.3.3): of all runs of valid entries with consecutive numbers whose last one names an entry of
 * the run as its tail, the run with the highest number, from that tail on.
 *
 * Throws DiskError VMBUS_DISK_DAMAGED when there is none, or when the file is shorter than the log says it must be.
 */
export function activeSequence(store: ByteStore, header: VhdxHeader): readonly LogEntry[] {
  if (header.logOffset + header.logLength > store.size)
    throw damaged('VHDX header', `the log at ${header.logOffset} lies past the end of the file (${store.size})`)
  const entries = new Map<number, LogEntry>()
  const ring = ringOf(store, header)
  for (let at = 0; at < header.logLength;) {
    const entry = readEntry(ring, header, at)
    if (entry !== undefined) entries.set(at, entry)
    at += entry?.length ?? SECTOR
  }
  const follower = (entry: LogEntry): LogEntry | undefined => {
    const next = entries.get((entry.at + entry.length) % header.logLength)
    return next?.sequence === entry.sequence + 1n ? next : undefined
  }
  const following = new Set([...entries.values()].map(follower))
  let active: LogEntry[] = []
  for (const first of entries.values()) {
    if (following.has(first)) continue
    const run: LogEntry[] = []
    for (let entry: LogEntry | undefined = first; entry !== undefined; entry = follower(entry)) run.push(entry)
    const head = run.at(-1) as LogEntry
    const tail = run.findIndex(({ at }) => at === head.tail)
    if (tail >= 0 && head.sequence > (active.at(-1)?.sequence ?? 0n)) active = run.slice(tail)
  }
  const head = active.at(-1)
  if (head === undefined)
    throw damaged('VHDX log', 'it is to be replayed, but holds no complete sequence of valid entries')
  if (store.size < head.flushedFileOffset) {
    throw damaged(
      'VHDX log',
      `the file was truncated: it has ${store.size} bytes, and had at least ${head.flushedFileOffset}`,
    )
  }
  return active
}
