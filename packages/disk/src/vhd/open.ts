import type { BlockDevice } from '../block.ts'
import { blockDevice } from '../device.ts'
import { DiskError, damaged } from '../errors.ts'
import { checkFor } from '../options.ts'
import { resolveParent, type ParentSource } from '../parent.ts'
import type { ByteStore } from '../store.ts'
import { fixedVhd } from './fixed.ts'
import { FOOTER_SIZE, VHD_SECTOR, isFooter, parseFooter, type VhdFooter } from './footer.ts'
import { HEADER_SIZE, parseHeader } from './header.ts'
import { readLocators } from './locator.ts'
import { sparseVhd } from './sparse.ts'
import { loadTables } from './table.ts'

export interface OpenVhdOptions {
  readonly readOnly?: boolean
  /** Needed for a differencing image. */
  readonly parent?: ParentSource
}

/** The footer and where it is; undefined offset when only the copy at the start is good. */
function findFooter(store: ByteStore): { footer: VhdFooter; at: number | undefined } {
  if (store.size < FOOTER_SIZE)
    throw damaged('VHD hard disk footer', `a file of ${store.size} bytes has no room for it`)
  // Before Virtual PC 2004 the footer was written without its last, unused byte.
  const at = store.size % VHD_SECTOR === VHD_SECTOR - 1 ? store.size - (FOOTER_SIZE - 1) : store.size - FOOTER_SIZE
  const bytes = new Uint8Array(FOOTER_SIZE)
  store.read(at, bytes)
  if (isFooter(bytes)) return { footer: parseFooter(bytes), at }
  store.read(0, bytes)
  if (isFooter(bytes)) {
    const footer = parseFooter(bytes)
    if (footer.type !== 'fixed') return { footer, at: undefined }
  }
  throw damaged('VHD hard disk footer', 'neither the end nor the start of the file has one with a valid checksum')
}

/**
 * Opens a VHD of any type.
 *
 * Throws DiskError VMBUS_DISK_DAMAGED naming the structure, VMBUS_DISK_UNSUPPORTED, VMBUS_DISK_PARENT, VMBUS_DISK_LOCKED.
 * The file is not written to before the first write or flush.
 */
export function openVhd(store: ByteStore, options: OpenVhdOptions = {}): BlockDevice {
  checkFor('openVhd', options)
  const readOnly = options.readOnly ?? store.readOnly
  if (!readOnly && store.readOnly) throw new DiskError('VMBUS_DISK_READ_ONLY', 'the store is read-only')
  return openLocked(store, options, readOnly, store.lock.acquire(readOnly ? 'read' : 'write'))
}

/** As `openVhd`, of a store that the caller has locked: `unlock` is called when it is closed or not opened. */
export function openLocked(
  store: ByteStore,
  options: OpenVhdOptions,
  readOnly: boolean,
  unlock: () => void,
): BlockDevice {
  try {
    const { footer, at } = findFooter(store)
    if (footer.headerOffset === undefined) {
      if (footer.currentSize > (at ?? 0))
        throw damaged(
          'VHD hard disk footer',
          `a disk of ${footer.currentSize} bytes does not fit before the footer at ${at ?? 0}`,
        )
      return blockDevice(fixedVhd(store, footer, readOnly, unlock))
    }
    const bytes = new Uint8Array(HEADER_SIZE)
    store.read(footer.headerOffset, bytes)
    const header = parseHeader(bytes)
    const tables = loadTables(store, footer, header, at)
    if (footer.type === 'dynamic') return blockDevice(sparseVhd(store, tables, undefined, readOnly, unlock))
    const paths = readLocators(store, header.locators)
    const { parent, release } = resolveParent(
      options.parent,
      { ...paths, name: header.parentName, linkages: [header.parentId] },
      VHD_SECTOR,
    )
    const closed = (): void => {
      release()
      unlock()
    }
    return blockDevice(sparseVhd(store, tables, parent, readOnly, closed))
  } catch (error) {
    unlock()
    throw error
  }
}
