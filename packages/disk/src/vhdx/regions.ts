import { damaged, unsupported } from '../errors.ts'
import type { ByteStore } from '../store.ts'
import { crc32c } from './crc32c.ts'
import { formatGuid, guid } from './guid.ts'
import { HEADER_SECTION, KB, MB, offsetAt } from './header.ts'

export interface Region {
  readonly offset: number
  readonly length: number
}

/** Regions of a file (MS-VHDX 2.2.3). `others` are optional ones that nobody here reads; they keep their place. */
export interface Regions {
  readonly bat: Region
  readonly metadata: Region
  readonly others: readonly (Region & { readonly id: Uint8Array })[]
}

export const REGION_TABLE_PLACES = [192 * KB, 256 * KB] as const
const REGION_TABLE_SIZE = 64 * KB
const REGI = 0x69676572
const BAT = guid('2DC27766-F623-4200-9D64-115E9BFD4A08')
const METADATA = guid('8B7CA206-4790-4B9A-B8FE-575F050F886E')
const NAME = 'VHDX region table'

export function encodeRegions(regions: Regions): Uint8Array {
  const bytes = new Uint8Array(REGION_TABLE_SIZE)
  const view = new DataView(bytes.buffer)
  const entries = [
    { ...regions.bat, id: BAT, required: 1 },
    { ...regions.metadata, id: METADATA, required: 1 },
    ...regions.others.map((region) => ({ ...region, required: 0 })),
  ]
  view.setUint32(0, REGI, true)
  view.setUint32(8, entries.length, true)
  entries.forEach(({ id, offset, length, required }, i) => {
    const at = 16 + i * 32
    bytes.set(id, at)
    view.setBigUint64(at + 16, BigInt(offset), true)
    view.setUint32(at + 24, length, true)
    view.setUint32(at + 28, required, true)
  })
  view.setUint32(4, crc32c(bytes, 4), true)
  return bytes
}

/** Reads the first copy that has a valid signature and checksum. */
export function readRegions(store: ByteStore): Regions {
  for (const place of REGION_TABLE_PLACES) {
    const bytes = new Uint8Array(REGION_TABLE_SIZE)
    store.read(place, bytes)
    const view = new DataView(bytes.buffer)
    if (view.getUint32(0, true) === REGI && view.getUint32(4, true) === crc32c(bytes, 4)) return parse(bytes, view)
  }
  throw damaged(NAME, 'neither of the two has a valid signature and checksum')
}

function parse(bytes: Uint8Array, view: DataView): Regions {
  const count = view.getUint32(8, true)
  if (count > 2047) throw damaged(NAME, `${count} entries are more than 2047`)
  const found = new Map<string, Region & { id: Uint8Array }>()
  for (let i = 0; i < count; i++) {
    const at = 16 + i * 32
    const id = bytes.slice(at, at + 16)
    const name = formatGuid(id)
    const offset = offsetAt(view, at + 16)
    const length = view.getUint32(at + 24, true)
    if (offset % MB !== 0 || offset < HEADER_SECTION || length % MB !== 0 || length === 0) {
      throw damaged(NAME, `region ${name} lies at ${offset}, ${length} bytes, which are not multiples of 1 MiB`)
    }
    if (found.has(name)) throw damaged(NAME, `region ${name} is there twice`)
    found.set(name, { id, offset, length })
    const known = name === formatGuid(BAT) || name === formatGuid(METADATA)
    if (!known && (view.getUint32(at + 28, true) & 1) !== 0)
      throw unsupported(NAME, `region ${name} is required and unknown`)
  }
  const take = (id: Uint8Array, what: string): Region => {
    const region = found.get(formatGuid(id))
    if (region === undefined) throw damaged(NAME, `it has no ${what} region`)
    found.delete(formatGuid(id))
    return { offset: region.offset, length: region.length }
  }
  return { bat: take(BAT, 'BAT'), metadata: take(METADATA, 'metadata'), others: [...found.values()] }
}
