import type { BlockDevice } from '../block.ts'
import { badOption } from '../errors.ts'
import { derivedIdentity, type NewIdentity } from '../identity.ts'
import { checkFor } from '../options.ts'
import { checkSectorSizes, isBlockSize, parseSize } from '../size.ts'
import type { ByteStore } from '../store.ts'
import type { ParentPaths } from '../vhd/locator.ts'
import { BlockState, batBytes, batShape, payloadIndex, setEntry, type BatShape } from './bat.ts'
import { formatGuid, ZERO_GUID } from './guid.ts'
import { HEADER_PLACES, MB, encodeFileIdentifier, encodeHeader, type VhdxHeader } from './header.ts'
import { encodeLocator } from './locator.ts'
import { VHDX_MAX_SIZE, encodeMetadata } from './metadata.ts'
import { openLocked } from './open.ts'
import { REGION_TABLE_PLACES, encodeRegions, type Region } from './regions.ts'

export interface CreateVhdxOptions {
  /** Bytes, or '64M'; up to 64 TiB. Default for a differencing image: its parent's. */
  readonly size?: number | string
  /** Default 'dynamic', or 'differencing' when there is a parent. */
  readonly type?: 'fixed' | 'dynamic' | 'differencing'
  /** Bytes, a power of two from 1 to 256 MiB; default 32 MiB as on Windows, 2 MiB when differencing, 1 MiB below 1 GiB. */
  readonly blockSize?: number
  /** Logical, 512 (default) or 4096; a differencing image has its parent's. */
  readonly sectorSize?: number
  /** Default 4096, as on Windows: "512e" with logical sectors of 512. */
  readonly physicalSectorSize?: number
  /** Bytes of log, a multiple of 1 MiB (the default). */
  readonly logSize?: number
  readonly parent?: BlockDevice
  /** What the image shall say of its parent's place; a locator needs one path at least. */
  readonly parentPaths?: ParentPaths
  /** 16 bytes that tell this disk from others; the default is the same for disks of the same size and parent. */
  readonly identity?: Uint8Array
  readonly newIdentity?: NewIdentity
}

interface Plan {
  readonly type: 'fixed' | 'dynamic' | 'differencing'
  readonly sectorSize: number
  readonly physicalSectorSize: number
  readonly diskSize: number
  readonly blockSize: number
  readonly logLength: number
  readonly shape: BatShape
  readonly metadata: Region
  readonly bat: Region
  /** Where the blocks begin. */
  readonly payload: number
}

/** Makes a VHDX in an empty store and opens it. The file is durable when it returns. */
export function createVhdx(store: ByteStore, options: CreateVhdxOptions): BlockDevice {
  checkFor('createVhdx', options)
  if (store.size !== 0) throw badOption('an image is created in an empty store', { size: store.size })
  const plan = planOf(options)
  const unlock = store.lock.acquire('write')
  try {
    write(store, plan, options)
  } catch (error) {
    unlock()
    throw error
  }
  const { parent, newIdentity } = options
  const opened = {
    ...(parent === undefined ? {} : { parent }),
    ...(newIdentity === undefined ? {} : { newIdentity }),
  }
  return openLocked(store, opened, false, unlock)
}

function planOf(options: CreateVhdxOptions): Plan {
  const { parent, identity } = options
  if (identity !== undefined && identity.length !== 16)
    throw badOption(`identity has ${identity.length} bytes instead of 16`)
  const type = options.type ?? (parent === undefined ? 'dynamic' : 'differencing')
  if ((type === 'differencing') !== (parent !== undefined))
    throw badOption('a parent belongs to a differencing image, and only to one')
  const sectorSize = options.sectorSize ?? parent?.sectorSize ?? 512
  const physicalSectorSize = options.physicalSectorSize ?? parent?.physicalSectorSize ?? 4096
  checkSectorSizes(sectorSize, physicalSectorSize)
  if (parent !== undefined && parent.sectorSize !== sectorSize)
    throw badOption(`the parent has sectors of ${parent.sectorSize} bytes, not ${sectorSize}`)
  const diskSize = parseSize(options.size ?? (parent === undefined ? 0 : parent.sectors * sectorSize), sectorSize)
  if (diskSize > VHDX_MAX_SIZE) throw badOption(`a VHDX has at most 64 TiB, not ${diskSize} bytes`, { diskSize })
  const blockSize = options.blockSize ?? (parent !== undefined ? 2 * MB : diskSize < 1024 * MB ? MB : 32 * MB)
  if (!isBlockSize(blockSize, MB, 256 * MB))
    throw badOption(`blockSize ${blockSize} is not a power of two from 1 to 256 MiB`, { blockSize })
  const logLength = options.logSize ?? MB
  if (logLength % MB !== 0 || logLength < MB || logLength >= 2 ** 32)
    throw badOption(`logSize ${logLength} is not a multiple of 1 MiB`, { logLength })

  const shape = batShape(diskSize, blockSize, sectorSize, parent !== undefined)
  const metadata = { offset: MB + logLength, length: MB }
  const bat = { offset: metadata.offset + MB, length: Math.ceil((shape.entries * 8) / MB) * MB }
  if (bat.length >= 2 ** 32) throw badOption(`blocks of ${blockSize} bytes are too small for a disk of ${diskSize}`)
  const payload = bat.offset + bat.length
  return { type, sectorSize, physicalSectorSize, diskSize, blockSize, logLength, shape, metadata, bat, payload }
}

function write(store: ByteStore, plan: Plan, { parent, parentPaths = {}, ...options }: CreateVhdxOptions): void {
  const { type, sectorSize, physicalSectorSize, diskSize, blockSize, logLength, shape, metadata, bat, payload } = plan
  const newIdentity =
    options.newIdentity ??
    ((purpose) => derivedIdentity(parent?.linkage ?? parent?.identity ?? new Uint8Array(0), purpose, diskSize))
  const fixed = type === 'fixed'
  store.truncate(fixed ? payload + shape.blocks * blockSize : payload)
  store.write(0, encodeFileIdentifier('vmbus'))
  // Written, not only reserved: on a full host a flush must still find its place in the log and in the BAT.
  writeOut(store, MB, logLength)
  writeOut(store, bat.offset, batBytes(shape.entries))
  const regions = encodeRegions({ bat, metadata, others: [] })
  for (const place of REGION_TABLE_PLACES) store.write(place, regions)
  const locator = parent === undefined ? undefined : locatorFor(parent, parentPaths)
  const diskId = options.identity ?? newIdentity('disk')
  const hasParent = parent !== undefined
  const items = { blockSize, fixed, hasParent, diskSize, diskId, sectorSize, physicalSectorSize, locator }
  store.write(metadata.offset, encodeMetadata(items))
  if (fixed) store.write(bat.offset, fixedBat(shape, payload, blockSize))
  store.flush()
  // The headers last: before them nothing takes this for an image.
  const header: VhdxHeader = {
    place: 0,
    sequence: 1n,
    fileWriteGuid: newIdentity('file-write'),
    dataWriteGuid: newIdentity('data-write'),
    logGuid: ZERO_GUID,
    logLength,
    logOffset: MB,
  }
  store.write(HEADER_PLACES[0], encodeHeader(header))
  store.write(HEADER_PLACES[1], encodeHeader({ ...header, sequence: 0n }))
  store.flush()
}

function fixedBat(shape: BatShape, payload: number, blockSize: number): Uint8Array {
  const bytes = new Uint8Array(batBytes(shape.entries))
  const view = new DataView(bytes.buffer)
  for (let block = 0; block < shape.blocks; block++) {
    setEntry(view, payloadIndex(shape.ratio, block), BlockState.FULLY_PRESENT, payload + block * blockSize)
  }
  return bytes
}

function writeOut(store: ByteStore, offset: number, length: number): void {
  const zeros = new Uint8Array(Math.min(length, MB))
  for (let done = 0; done < length; done += zeros.length)
    store.write(offset + done, zeros, 0, Math.min(zeros.length, length - done))
}

function locatorFor(parent: BlockDevice, paths: ParentPaths): Uint8Array {
  return encodeLocator({
    parent_linkage: `{${formatGuid(parent.linkage ?? parent.identity)}}`,
    ...(paths.relative === undefined ? {} : { relative_path: paths.relative }),
    // The format wants one path at least; an image made without any names nothing.
    absolute_win32_path: paths.absolute ?? paths.relative ?? '\\\\?\\',
  })
}
