import type { BlockDevice } from '@vmbus/disk'
import { Op } from '../../protocol/index.ts'
import {
  DATA_OVERRUN,
  INVALID_CDB,
  INVALID_PARAMETER,
  LBA_OUT_OF_RANGE,
  MEMORY_ACCESS,
  PARAMETER_LIST_LENGTH,
  WRITE_PROTECTED,
  type CommandResult,
  type Step,
} from '../command-result.ts'
import type { Command } from '../unit.ts'
import { blocksOf, inRange, lbaOf, protects, relativeAddress, u64At } from './cdb.ts'

/** Block descriptors in one UNMAP (OpenVMM scsidisk, UNMAP_RANGE_DESCRIPTOR_COUNT_MAX). */
export const MAX_UNMAP_DESCRIPTORS = 4096
/** Bytes that one WRITE SAME may cover (OpenVMM scsidisk, VHDMP_MAX_WRITE_SAME_LENGTH_BYTES). */
export const MAX_WRITE_SAME_BYTES = 8 << 20

const HEADER = 8
const DESCRIPTOR = 16

/** Whole descriptors of an UNMAP list, as far as both its lengths and the CDB's reach; an incomplete one is not counted (SBC-3 5.28.2). */
function descriptors(list: DataView): number {
  const announced = Math.min(list.getUint16(0) + 2 - HEADER, list.getUint16(2), list.byteLength - HEADER)
  return Math.max(0, Math.floor(announced / DESCRIPTOR))
}

/** UNMAP (SBC-3 5.28). The parameter list is copied before it is looked at, and nothing is discarded unless all of it is good. */
export function unmap(disk: BlockDevice, { cdb, buffer }: Command): CommandResult {
  const length = cdb.getUint16(7)
  // Blocks cannot be anchored, as page B2 says.
  if ((cdb.getUint8(1) & 0x01) !== 0) return INVALID_CDB
  if (length === 0) return 0
  if (length < HEADER || length > buffer.length) return PARAMETER_LIST_LENGTH
  const list = new Uint8Array(length)
  if (!buffer.read(list)) return MEMORY_ACCESS
  const view = new DataView(list.buffer)
  const count = descriptors(view)
  if (count > MAX_UNMAP_DESCRIPTORS) return INVALID_PARAMETER
  if (disk.readOnly) return WRITE_PROTECTED
  const steps: Step[] = []
  for (let index = 0; index < count; index++) {
    const at = HEADER + index * DESCRIPTOR
    const sector = u64At(view, at)
    const blocks = view.getUint32(at + 8)
    if (sector > disk.sectors || blocks > disk.sectors - sector) return LBA_OUT_OF_RANGE
    if (blocks > 0) steps.push({ op: 'discard', sector, count: blocks })
  }
  return steps.length === 0 ? length : { steps, transferred: length }
}

/** Bits of a WRITE SAME that nothing here does: anchored blocks, and the obsolete LBDATA and PBDATA, which change what is written. */
const SAME_REFUSED = 0x10 | 0x04 | 0x02

/**
 * WRITE SAME. Zeros, with the unmap bit or without, go to the disk as one call that frees what it can. The answer
 * counts the bytes of the disk that were written, not those of the buffer (OpenVMM scsidisk, handle_write_same).
 */
export function writeSame(disk: BlockDevice, { cdb, buffer }: Command, writeCache: boolean): CommandResult {
  if (relativeAddress(cdb) || protects(cdb) || (cdb.getUint8(1) & SAME_REFUSED) !== 0) return INVALID_CDB
  const sector = lbaOf(cdb)
  const named = blocksOf(cdb)
  if (!inRange(disk.sectors, sector, named)) return LBA_OUT_OF_RANGE
  // No number of blocks is all that follow, as WSNZ 0 in page B0 says.
  const count = named === 0 ? disk.sectors - sector : named
  const transferred = count * disk.sectorSize
  if (transferred > MAX_WRITE_SAME_BYTES) return INVALID_CDB
  if (disk.readOnly) return WRITE_PROTECTED
  // NDOB of the 16-byte form: zeros, and no buffer.
  const withoutData = cdb.getUint8(0) === Op.writeSame16 && (cdb.getUint8(1) & 0x01) !== 0
  const rest: Step[] = writeCache ? [] : [{ op: 'flush' }]
  if (withoutData) return { steps: [{ op: 'zero', sector, count }, ...rest], transferred: 0 }
  if (buffer.length < disk.sectorSize) return DATA_OVERRUN
  const pattern = new Uint8Array(disk.sectorSize)
  if (!buffer.read(pattern)) return MEMORY_ACCESS
  const zeros = pattern.every((byte) => byte === 0)
  return { steps: [{ op: zeros ? 'zero' : 'same', sector, count }, ...rest], transferred }
}
