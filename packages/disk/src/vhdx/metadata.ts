import { damaged, unsupported } from '../errors.ts'
import type { ByteStore } from '../store.ts'
import { formatGuid, guid, type Guid } from './guid.ts'
import { KB, MB } from './header.ts'
import type { Region } from './regions.ts'

/** The known items of the metadata region (MS-VHDX 2.6.2). */
export interface Metadata {
  readonly blockSize: number
  /** LeaveBlockAllocated: a fixed image. */
  readonly fixed: boolean
  readonly hasParent: boolean
  readonly diskSize: number
  readonly diskId: Guid
  readonly sectorSize: number
  readonly physicalSectorSize: number
  /** The parent locator item, undecoded. */
  readonly locator: Uint8Array | undefined
  readonly locatorPlace: LocatorPlace | undefined
  /** File offset of the virtual disk size. */
  readonly diskSizeAt: number
}

/** Where the parent locator is, as offsets in the file. */
interface LocatorPlace {
  /** The metadata region. */
  readonly region: number
  /** Offset and length in the locator's entry of the metadata table. */
  readonly table: number
  readonly at: number
  /** Bytes from `at` to the next item. */
  readonly room: number
  /** Behind the last item. */
  readonly free: number
}

const TABLE_SIZE = 64 * KB
const NAME = 'VHDX metadata table'
/** 64 TiB (2.6.2.2). */
export const VHDX_MAX_SIZE = 2 ** 46

const IS_VIRTUAL_DISK = 2
const IS_REQUIRED = 4

const ITEMS = {
  fileParameters: {
    id: guid('CAA16737-FA36-4D43-B3B6-33F0AA44E76B'),
    name: 'file parameters',
    size: 8,
    flags: IS_REQUIRED,
  },
  diskSize: {
    id: guid('2FA54224-CD1B-4876-B211-5DBED83BF4B8'),
    name: 'virtual disk size',
    size: 8,
    flags: IS_REQUIRED | IS_VIRTUAL_DISK,
  },
  diskId: {
    id: guid('BECA12AB-B2E6-4523-93EF-C309E000C746'),
    name: 'virtual disk id',
    size: 16,
    flags: IS_REQUIRED | IS_VIRTUAL_DISK,
  },
  sectorSize: {
    id: guid('8141BF1D-A96F-4709-BA47-F233A8FAAB5F'),
    name: 'logical sector size',
    size: 4,
    flags: IS_REQUIRED | IS_VIRTUAL_DISK,
  },
  physicalSectorSize: {
    id: guid('CDA348C7-445D-4471-9CC9-E9885251C556'),
    name: 'physical sector size',
    size: 4,
    flags: IS_REQUIRED | IS_VIRTUAL_DISK,
  },
  locator: {
    id: guid('A8D35F2D-B30B-454D-ABF7-D3D84834AB0C'),
    name: 'parent locator',
    size: undefined,
    flags: IS_REQUIRED,
  },
} as const

type ItemName = keyof typeof ITEMS

/** The start of a metadata region: the table, then the items in a row. */
export function encodeMetadata(metadata: Omit<Metadata, 'diskSizeAt' | 'locatorPlace'>): Uint8Array {
  const parameters = new Uint8Array(8)
  const size = new Uint8Array(8)
  const logical = new Uint8Array(4)
  const physical = new Uint8Array(4)
  new DataView(parameters.buffer).setUint32(0, metadata.blockSize, true)
  new DataView(parameters.buffer).setUint32(4, (metadata.fixed ? 1 : 0) | (metadata.hasParent ? 2 : 0), true)
  new DataView(size.buffer).setBigUint64(0, BigInt(metadata.diskSize), true)
  new DataView(logical.buffer).setUint32(0, metadata.sectorSize, true)
  new DataView(physical.buffer).setUint32(0, metadata.physicalSectorSize, true)
  const items: [ItemName, Uint8Array][] = [
    ['fileParameters', parameters],
    ['diskSize', size],
    ['diskId', metadata.diskId],
    ['sectorSize', logical],
    ['physicalSectorSize', physical],
  ]
  if (metadata.locator !== undefined) items.push(['locator', metadata.locator])
  const bytes = new Uint8Array(TABLE_SIZE + items.reduce((sum, [, item]) => sum + item.length, 0))
  const view = new DataView(bytes.buffer)
  'metadata'.split('').forEach((letter, i) => view.setUint8(i, letter.charCodeAt(0)))
  view.setUint16(10, items.length, true)
  let at = TABLE_SIZE
  items.forEach(([name, item], i) => {
    const entry = 32 + i * 32
    bytes.set(ITEMS[name].id, entry)
    view.setUint32(entry + 16, at, true)
    view.setUint32(entry + 20, item.length, true)
    view.setUint32(entry + 24, ITEMS[name].flags, true)
    bytes.set(item, at)
    at += item.length
  })
  return bytes
}

export function readMetadata(store: ByteStore, region: Region): Metadata {
  const table = new Uint8Array(TABLE_SIZE)
  store.read(region.offset, table)
  const parsed = parseTable(table, region)
  const item = (name: ItemName): { bytes: Uint8Array; at: number } | undefined => {
    const place = parsed.items.get(formatGuid(ITEMS[name].id))
    if (place === undefined) return undefined
    const expected = ITEMS[name].size
    if (expected !== undefined && place.length !== expected) {
      throw damaged(`VHDX metadata item "${ITEMS[name].name}"`, `it has ${place.length} bytes instead of ${expected}`)
    }
    const bytes = new Uint8Array(place.length)
    store.read(place.offset, bytes)
    return { bytes, at: place.offset }
  }
  const required = (name: ItemName): { bytes: Uint8Array; view: DataView; at: number } => {
    const found = item(name)
    if (found === undefined) throw damaged(NAME, `item "${ITEMS[name].name}" is missing`)
    return { ...found, view: new DataView(found.bytes.buffer) }
  }
  const parameters = required('fileParameters').view
  const size = required('diskSize')
  const metadata: Metadata = {
    blockSize: parameters.getUint32(0, true),
    fixed: (parameters.getUint32(4, true) & 3) === 1,
    hasParent: (parameters.getUint32(4, true) & 2) !== 0,
    diskSize: Number(size.view.getBigUint64(0, true)),
    diskSizeAt: size.at,
    diskId: required('diskId').bytes,
    sectorSize: required('sectorSize').view.getUint32(0, true),
    physicalSectorSize: required('physicalSectorSize').view.getUint32(0, true),
    locator: item('locator')?.bytes,
    locatorPlace: locatorPlace(parsed, region),
  }
  check(metadata)
  return metadata
}

interface Table {
  /** The items that we know, by id; offsets in the file. */
  readonly items: ReadonlyMap<string, { readonly entry: number; readonly offset: number; readonly length: number }>
  /** What items of any kind take of the region, in order. */
  readonly ranges: readonly Region[]
}

function locatorPlace({ items, ranges }: Table, region: Region): LocatorPlace | undefined {
  const locator = items.get(formatGuid(ITEMS.locator.id))
  if (locator === undefined) return undefined
  const { entry, offset: at } = locator
  const next = ranges.find(({ offset }) => region.offset + offset > at)?.offset ?? region.length
  const free = ranges.reduce((end, { offset, length }) => Math.max(end, offset + length), TABLE_SIZE)
  return {
    region: region.offset,
    table: entry + 16,
    at,
    room: region.offset + next - at,
    free: region.offset + free,
  }
}

function parseTable(table: Uint8Array, region: Region): Table {
  const view = new DataView(table.buffer)
  const signature = String.fromCharCode(...table.subarray(0, 8))
  if (signature !== 'metadata') throw damaged(NAME, 'the signature is not "metadata"')
  const count = view.getUint16(10, true)
  if (count > 2047) throw damaged(NAME, `${count} entries are more than 2047`)
  const known = new Set<string>(Object.values(ITEMS).map(({ id }) => formatGuid(id)))
  const items = new Map<string, { entry: number; offset: number; length: number }>()
  const seen = new Set<string>()
  const ranges: { name: string; offset: number; length: number }[] = []
  for (let i = 0; i < count; i++) {
    const at = 32 + i * 32
    const name = formatGuid(table.subarray(at, at + 16))
    const offset = view.getUint32(at + 16, true)
    const length = view.getUint32(at + 20, true)
    const flags = view.getUint32(at + 24, true)
    const user = (flags & 1) !== 0
    if (seen.has(`${name}/${user}`)) throw damaged(NAME, `item ${name} is there twice`)
    seen.add(`${name}/${user}`)
    if (
      length > MB ||
      (length > 0 && offset < TABLE_SIZE) ||
      (length === 0 && offset !== 0) ||
      offset + length > region.length
    ) {
      throw damaged(
        NAME,
        `item ${name} of ${length} bytes at ${offset} is not inside the region's ${region.length} bytes`,
      )
    }
    if (length > 0) ranges.push({ name, offset, length })
    if (!user && known.has(name)) items.set(name, { entry: region.offset + at, offset: region.offset + offset, length })
    else if ((flags & IS_REQUIRED) !== 0) throw unsupported(NAME, `item ${name} is required and unknown`)
  }
  ranges.sort((a, b) => a.offset - b.offset)
  for (const [i, range] of ranges.entries()) {
    const next = ranges[i + 1]
    if (next !== undefined && range.offset + range.length > next.offset)
      throw damaged(NAME, `item ${range.name} overlaps item ${next.name}`)
  }
  return { items, ranges }
}

function check(metadata: Metadata): void {
  const { blockSize, sectorSize, physicalSectorSize, diskSize } = metadata
  const fail = (item: ItemName, problem: string): never => {
    throw damaged(`VHDX metadata item "${ITEMS[item].name}"`, problem)
  }
  if (blockSize < MB || blockSize > 256 * MB || (blockSize & (blockSize - 1)) !== 0)
    fail('fileParameters', `block size ${blockSize} is not a power of two from 1 to 256 MiB`)
  if (sectorSize !== 512 && sectorSize !== 4096) fail('sectorSize', `${sectorSize} is neither 512 nor 4096`)
  if (physicalSectorSize !== 512 && physicalSectorSize !== 4096)
    fail('physicalSectorSize', `${physicalSectorSize} is neither 512 nor 4096`)
  if (diskSize === 0 || diskSize % sectorSize !== 0 || diskSize > VHDX_MAX_SIZE)
    fail('diskSize', `${diskSize} is not a number of sectors up to 64 TiB`)
  if (metadata.hasParent && metadata.locator === undefined)
    throw damaged(NAME, 'a file with a parent has no parent locator')
}
