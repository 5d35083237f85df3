import type { BlockDevice } from '../block.ts'
import { blockDevice } from '../device.ts'
import { DiskError, damaged } from '../errors.ts'
import { derivedIdentity, type NewIdentity } from '../identity.ts'
import { checkFor } from '../options.ts'
import { overlayStore } from '../overlay-store.ts'
import { resolveParent, type ParentSource } from '../parent.ts'
import { isZeros, type ByteStore } from '../store.ts'
import { batBytes } from './bat.ts'
import { shapeOf, usedSpace, type VhdxFile } from './file.ts'
import { ZERO_GUID } from './guid.ts'
import { hasLog, readHeader, updateHeaders, type VhdxHeader } from './header.ts'
import { vhdxImage } from './image.ts'
import { parseLocator, referenceOf } from './locator.ts'
import { activeSequence } from './log.ts'
import { readMetadata } from './metadata.ts'
import { readRegions } from './regions.ts'
import { checkZeros, replay, replayed, type Replayed } from './replay.ts'

export interface OpenVhdxOptions {
  readonly readOnly?: boolean
  /** Needed for a differencing image. */
  readonly parent?: ParentSource
  /** Source of the identifiers that each session must change; default: a hash of those before. */
  readonly newIdentity?: NewIdentity
}

/**
 * Opens a VHDX of any type, and replays its log if the last writer did not close it: in the file, or in memory when
 * read-only. All structures are checked before the first byte is written.
 *
 * Throws DiskError VMBUS_DISK_DAMAGED naming the structure, VMBUS_DISK_UNSUPPORTED, VMBUS_DISK_PARENT, VMBUS_DISK_LOCKED.
 */
export function openVhdx(store: ByteStore, options: OpenVhdxOptions = {}): BlockDevice {
  checkFor('openVhdx', options)
  const readOnly = options.readOnly ?? store.readOnly
  if (!readOnly && store.readOnly) throw new DiskError('VMBUS_DISK_READ_ONLY', 'the store is read-only')
  return openLocked(store, options, readOnly, store.lock.acquire(readOnly ? 'read' : 'write'))
}

/** As `openVhdx`, of a store that the caller has locked: `unlock` is called when it is closed or not opened. */
export function openLocked(
  store: ByteStore,
  options: OpenVhdxOptions,
  readOnly: boolean,
  unlock: () => void,
): BlockDevice {
  let releaseParent = (): void => {}
  try {
    const header = readHeader(store)
    const log = hasLog(header) ? replayed(activeSequence(store, header)) : undefined
    const whole = log === undefined ? store : overlayStore(store)
    if (log !== undefined) {
      checkZeros(store, log)
      replay(whole, log)
    }
    const checked = readStructures(whole, header, options.newIdentity)
    let parent: BlockDevice | undefined
    if (checked.metadata.hasParent) {
      const reference = referenceOf(parseLocator(checked.metadata.locator ?? new Uint8Array(0)))
      const found = resolveParent(options.parent, reference, checked.metadata.sectorSize)
      parent = found.parent
      releaseParent = found.release
    }
    let file = checked
    if (!readOnly && log !== undefined) {
      file = { ...checked, store }
      replayInPlace(file, log)
    }
    const closed = (): void => {
      releaseParent()
      unlock()
    }
    return blockDevice(vhdxImage(file, parent, readOnly, closed))
  } catch (error) {
    releaseParent()
    unlock()
    throw error
  }
}

/** A cut during this leaves a log that is replayed again. */
function replayInPlace(file: VhdxFile, log: Replayed): void {
  const fileWriteGuid =
    file.newIdentity?.('file-write') ??
    derivedIdentity(file.header.fileWriteGuid, 'replay', Number(file.header.sequence & 0xffffffffn))
  updateHeaders(file, { fileWriteGuid })
  replay(file.store, log)
  file.store.flush()
  updateHeaders(file, { logGuid: ZERO_GUID })
}

function readStructures(store: ByteStore, header: VhdxHeader, newIdentity: NewIdentity | undefined): VhdxFile {
  const regions = readRegions(store)
  for (const [name, { offset, length }] of Object.entries({ BAT: regions.bat, metadata: regions.metadata })) {
    if (offset + length > store.size)
      throw damaged(
        'VHDX region table',
        `the ${name} region ends at ${offset + length}, after the end of the file (${store.size})`,
      )
  }
  const metadata = readMetadata(store, regions.metadata)
  const shape = shapeOf(metadata)
  if (shape.entries * 8 > regions.bat.length) {
    throw damaged('VHDX BAT', `${shape.entries} entries do not fit its region of ${regions.bat.length} bytes`, {
      entries: shape.entries,
    })
  }
  const bat = readBat(store, regions.bat.offset, batBytes(shape.entries))
  const tables = { store, header, regions, metadata, shape, bat, batView: new DataView(bat.buffer) }
  return {
    ...tables,
    dirtyBat: new Set(),
    pages: new Map(),
    dirtyPages: new Set(),
    space: usedSpace({ ...tables, size: store.size }),
    pendingFree: [],
    log: { at: 0, sequence: 1n, guid: undefined },
    marked: false,
    serial: 0,
    newIdentity,
  }
}

/** The table, of which what is zeros is not copied: memory that nobody touched costs nothing, like the file's hole. */
function readBat(store: ByteStore, offset: number, length: number): Uint8Array {
  const bat = new Uint8Array(length)
  const words = new Int32Array(16_384)
  const piece = new Uint8Array(words.buffer)
  for (let done = 0; done < length; done += piece.length) {
    const count = Math.min(piece.length, length - done)
    store.read(offset + done, piece, 0, count)
    if (!isZeros(words, count / 4)) bat.set(piece.subarray(0, count), done)
  }
  return bat
}
