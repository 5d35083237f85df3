import type { BlockDevice } from '@vmbus/disk'
import { MODE_PAGE_ALL, MODE_PAGE_CACHING, Op } from '../../protocol/index.ts'
import {
  INVALID_CDB,
  INVALID_PARAMETER,
  MEMORY_ACCESS,
  PARAMETER_LIST_LENGTH,
  SAVING_NOT_SUPPORTED,
  type CommandResult,
} from '../command-result.ts'
import type { Command } from '../unit.ts'
import { answer } from './answer.ts'

/** SBC-3 6.5.5. */
const CACHING_BYTES = 20
const WRITE_CACHE_ENABLE = 0x04
const WRITE_PROTECT = 0x80
const DPO_FUA = 0x10
const CHANGEABLE = 1
const SAVED = 3
/** Subpage code of a page and all its subpages, of which there are none. */
const ALL_SUBPAGES = 0xff

const headerBytes = (long: boolean): number => (long ? 8 : 4)

function cachingPage(writeCache: boolean): Uint8Array {
  const page = new Uint8Array(CACHING_BYTES)
  page.set([MODE_PAGE_CACHING, CACHING_BYTES - 2, writeCache ? WRITE_CACHE_ENABLE : 0])
  return page
}

/** MODE SENSE (6) and (10): the caching page, asked for by itself or with all. Any other page is an invalid CDB. */
export function modeSense(disk: BlockDevice, { cdb, buffer }: Command, writeCache: boolean): CommandResult {
  const long = cdb.getUint8(0) === Op.modeSense10
  const allocation = long ? cdb.getUint16(7) : cdb.getUint8(4)
  const header = headerBytes(long)
  const control = cdb.getUint8(2) >>> 6
  const page = cdb.getUint8(2) & 0x3f
  const subpage = cdb.getUint8(3)
  if (page !== MODE_PAGE_CACHING && page !== MODE_PAGE_ALL) return INVALID_CDB
  if (subpage !== 0 && subpage !== ALL_SUBPAGES) return INVALID_CDB
  if (control === SAVED) return SAVING_NOT_SUPPORTED
  const data = new Uint8Array(header + CACHING_BYTES)
  data[long ? 1 : 0] = data.length - (long ? 2 : 1)
  data[long ? 3 : 2] = (disk.readOnly ? WRITE_PROTECT : 0) | DPO_FUA
  data.set(cachingPage(writeCache && control !== CHANGEABLE), header)
  return answer(buffer, data, allocation)
}

/**
 * MODE SELECT: nothing can be changed, so only what is true already is taken, byte for byte. A list that ends within its
 * header or a page has the wrong length; one of a header alone changes nothing (SPC-4 6.9).
 */
export function modeSelect({ cdb, buffer }: Command, writeCache: boolean): CommandResult {
  const long = cdb.getUint8(0) === Op.modeSelect10
  const length = long ? cdb.getUint16(7) : cdb.getUint8(4)
  const header = headerBytes(long)
  // Pages of a vendor's own format, and saved ones, are not there.
  if ((cdb.getUint8(1) & 0x11) !== 0x10) return INVALID_CDB
  if (length === 0) return 0
  if (length < header || length > buffer.length) return PARAMETER_LIST_LENGTH
  const list = new Uint8Array(length)
  if (!buffer.read(list)) return MEMORY_ACCESS
  const view = new DataView(list.buffer)
  // MODE SENSE has no block descriptors.
  if ((long ? view.getUint16(6) : view.getUint8(3)) !== 0) return INVALID_PARAMETER
  const page = cachingPage(writeCache)
  for (let at = header; at < length; at += CACHING_BYTES) {
    if (length - at < 2) return PARAMETER_LIST_LENGTH
    if (view.getUint8(at) !== page[0] || view.getUint8(at + 1) !== page[1]) return INVALID_PARAMETER
    if (length - at < CACHING_BYTES) return PARAMETER_LIST_LENGTH
    if (page.some((byte, index) => byte !== view.getUint8(at + index))) return INVALID_PARAMETER
  }
  return length
}
