import type { BlockDevice } from '@vmbus/disk'
import { MODE_PAGE_ALL, MODE_PAGE_CACHING, Op } from '../../protocol.ts'
import { INVALID_CDB, INVALID_PARAMETER, MEMORY_ACCESS, PARAMETER_LIST_LENGTH, type Outcome } from '../outcome.ts'
import type { Command } from '../unit.ts'
import { answer } from './answer.ts'

/** SBC-3 6.5.5. */
const CACHING_BYTES = 20
const WRITE_CACHE_ENABLE = 0x04
const WRITE_PROTECT = 0x80
const DPO_FUA = 0x10
const CHANGEABLE = 1
const SAVED = 3

const headerBytes = (long: boolean): number => (long ? 8 : 4)

/** MODE SENSE (6) and (10): the caching page, asked for by itself or with all. Any other page, and saved values, are an invalid CDB. */
export function modeSense(disk: BlockDevice, { cdb, buffer }: Command, writeCache: boolean): Outcome {
  const long = cdb.getUint8(0) === Op.modeSense10
  const allocation = long ? cdb.getUint16(7) : cdb.getUint8(4)
  const header = headerBytes(long)
  if (allocation === 0 || buffer.length === 0) return 0
  if (allocation > buffer.length || allocation < header) return INVALID_CDB
  const control = cdb.getUint8(2) >>> 6
  const page = cdb.getUint8(2) & 0x3f
  if (control === SAVED || (page !== MODE_PAGE_CACHING && page !== MODE_PAGE_ALL)) return INVALID_CDB
  const data = new Uint8Array(header + CACHING_BYTES)
  data[long ? 1 : 0] = data.length - (long ? 2 : 1)
  data[long ? 3 : 2] = (disk.readOnly ? WRITE_PROTECT : 0) | DPO_FUA
  data[header] = MODE_PAGE_CACHING
  data[header + 1] = CACHING_BYTES - 2
  if (writeCache && control !== CHANGEABLE) data[header + 2] = WRITE_CACHE_ENABLE
  return answer(buffer, data, allocation)
}

/** MODE SELECT: nothing can be changed, so only what is true already is taken (OpenVMM scsidisk, handle_mode_select). */
export function modeSelect({ cdb, buffer }: Command, writeCache: boolean): Outcome {
  const long = cdb.getUint8(0) === Op.modeSelect10
  const length = long ? cdb.getUint16(7) : cdb.getUint8(4)
  const header = headerBytes(long)
  if (length === 0) return 0
  if (length !== buffer.length || length < header + CACHING_BYTES) return PARAMETER_LIST_LENGTH
  if ((cdb.getUint8(1) & 0x01) !== 0) return INVALID_CDB
  const list = new Uint8Array(length)
  if (!buffer.read(list)) return MEMORY_ACCESS
  const view = new DataView(list.buffer)
  const at = header + (long ? view.getUint16(6) : view.getUint8(3))
  if (length < at + CACHING_BYTES) return PARAMETER_LIST_LENGTH
  const enables = (view.getUint8(at + 2) & WRITE_CACHE_ENABLE) !== 0
  const fits =
    (view.getUint8(at) & 0x3f) === MODE_PAGE_CACHING &&
    view.getUint8(at + 1) === CACHING_BYTES - 2 &&
    enables === writeCache
  return fits ? length : INVALID_PARAMETER
}
