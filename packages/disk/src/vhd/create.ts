import type { BlockDevice } from '../block.ts'
import { badOption } from '../errors.ts'
import { derivedIdentity, type NewIdentity } from '../identity.ts'
import { checkFor } from '../options.ts'
import { isBlockSize, parseSize } from '../size.ts'
import type { ByteStore } from '../store.ts'
import { FOOTER_SIZE, VHD_MAX_SIZE, VHD_SECTOR, encodeFooter, type VhdFooter, type VhdType } from './footer.ts'
import { HEADER_SIZE, encodeHeader } from './header.ts'
import { utf16, type ParentPaths, type VhdLocatorEntry } from './locator.ts'
import { openLocked } from './open.ts'
import { alignedSlot } from './slots.ts'
import { tableSize } from './table.ts'

export interface CreateVhdOptions {
  /** Bytes, or '64M'; up to 2040 GiB. Default for a differencing image: its parent's. */
  readonly size?: number | string
  /** Default 'dynamic', or 'differencing' when there is a parent. */
  readonly type?: VhdType
  /** Bytes, a power of two from 4 KiB to 256 MiB; default 2 MiB, and other programs are only tested with 512 KiB and 2 MiB. */
  readonly blockSize?: number
  readonly parent?: BlockDevice
  /** What the image shall say of its parent's place. */
  readonly parentPaths?: ParentPaths
  readonly parentName?: string
  /** Seconds since 2000-01-01 UTC; default 0. */
  readonly timestamp?: number
  /**
   * Creator application; default 'win ', that of Windows. Readers such as qemu trust the stated size of some creators
   * only, and take the (smaller) cylinder geometry otherwise.
   */
  readonly creator?: string
  /** 16 bytes that tell this disk from others; the default is the same for disks of the same size and parent. */
  readonly identity?: Uint8Array
  readonly newIdentity?: NewIdentity
}

/** Makes a VHD in an empty store and opens it. The file is durable when it returns. */
export function createVhd(store: ByteStore, options: CreateVhdOptions): BlockDevice {
  checkFor('createVhd', options)
  if (store.size !== 0) throw badOption('an image is created in an empty store', { size: store.size })
  const { footer, blockSize } = planOf(options)
  const unlock = store.lock.acquire('write')
  try {
    if (footer.type === 'fixed') store.write(footer.currentSize, encodeFooter(footer))
    else writeSparse(store, footer, blockSize, options)
    store.flush()
  } catch (error) {
    unlock()
    throw error
  }
  return openLocked(store, options.parent === undefined ? {} : { parent: options.parent }, false, unlock)
}

function planOf(options: CreateVhdOptions): { footer: VhdFooter; blockSize: number } {
  const { parent, identity } = options
  if (identity !== undefined && identity.length !== 16)
    throw badOption(`identity has ${identity.length} bytes instead of 16`)
  const type = options.type ?? (parent === undefined ? 'dynamic' : 'differencing')
  if ((type === 'differencing') !== (parent !== undefined))
    throw badOption('a parent belongs to a differencing image, and only to one')
  if (parent !== undefined && parent.sectorSize !== VHD_SECTOR)
    throw badOption(`a VHD has sectors of 512 bytes, its parent ${parent.sectorSize}`)
  const size = parseSize(options.size ?? (parent === undefined ? 0 : parent.sectors * VHD_SECTOR), VHD_SECTOR)
  if (size > VHD_MAX_SIZE) throw badOption(`a VHD has at most 2040 GiB, not ${size} bytes`, { size })
  const blockSize = options.blockSize ?? 2 ** 21
  if (!isBlockSize(blockSize, 4096, 2 ** 28))
    throw badOption(`blockSize ${blockSize} is not a power of two from 4 KiB to 256 MiB`, { blockSize })
  const creator = options.creator ?? 'win '
  if (!/^[\x20-\x7e]{4}$/.test(creator)) throw badOption(`creator "${creator}" is not four ASCII characters`)
  const newIdentity =
    options.newIdentity ?? ((purpose) => derivedIdentity(parent?.identity ?? new Uint8Array(0), purpose, size))
  const footer: VhdFooter = {
    headerOffset: type === 'fixed' ? undefined : FOOTER_SIZE,
    timestamp: options.timestamp ?? 0,
    creator,
    originalSize: size,
    currentSize: size,
    type,
    uniqueId: identity ?? newIdentity('vhd'),
    savedState: false,
    origin: undefined,
  }
  return { footer, blockSize }
}

function writeSparse(store: ByteStore, footer: VhdFooter, blockSize: number, options: CreateVhdOptions): void {
  const { parent, parentName = '', parentPaths = {} } = options
  const entries = Math.ceil(footer.currentSize / blockSize)
  const tableOffset = FOOTER_SIZE + HEADER_SIZE
  const { locators, data } = placeLocators(parentPaths, tableOffset + tableSize(entries))
  const structures = locators.reduce(
    (at, locator) => Math.max(at, locator.offset + locator.sectors * VHD_SECTOR),
    tableOffset + tableSize(entries),
  )
  const end = alignedSlot({ blockSize }, structures)
  store.write(end, encodeFooter(footer))
  store.write(tableOffset, new Uint8Array(tableSize(entries)).fill(0xff))
  data.forEach((bytes, i) => store.write((locators[i] as VhdLocatorEntry).offset, bytes))
  const header = {
    tableOffset,
    tableEntries: entries,
    blockSize,
    parentId: parent?.linkage ?? parent?.identity ?? new Uint8Array(16),
    parentTimestamp: 0,
    parentName,
    locators,
  }
  store.write(FOOTER_SIZE, encodeHeader(header))
  store.write(0, encodeFooter(footer))
}

function placeLocators(paths: ParentPaths, from: number): { locators: VhdLocatorEntry[]; data: Uint8Array[] } {
  const locators: VhdLocatorEntry[] = []
  const data: Uint8Array[] = []
  let offset = from
  for (const [platform, path] of [
    ['W2ru', paths.relative],
    ['W2ku', paths.absolute],
  ] as const) {
    if (path === undefined) continue
    const bytes = utf16(path)
    const sectors = Math.ceil(bytes.length / VHD_SECTOR)
    locators.push({ platform, sectors, length: bytes.length, offset })
    data.push(bytes)
    offset += sectors * VHD_SECTOR
  }
  return { locators, data }
}
