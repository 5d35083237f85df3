import type { BlockDevice } from '@vmbus/disk'
import { Op } from '../../protocol.ts'
import {
  INVALID_CDB,
  INVALID_PARAMETER,
  LBA_OUT_OF_RANGE,
  MEMORY_ACCESS,
  WRITE_PROTECTED,
  type Outcome,
  type Step,
} from '../outcome.ts'
import type { Command } from '../unit.ts'
import { blocksOf, fuaOf, inRange, lbaOf, relativeAddress, u64At } from './cdb.ts'

/** Block descriptors in one UNMAP (OpenVMM scsidisk, UNMAP_RANGE_DESCRIPTOR_COUNT_MAX). */
export const MAX_UNMAP_DESCRIPTORS = 4096
/** Bytes that one WRITE SAME may cover (OpenVMM scsidisk, VHDMP_MAX_WRITE_SAME_LENGTH_BYTES). */
export const MAX_WRITE_SAME_BYTES = 8 << 20

const HEADER = 8
const DESCRIPTOR = 16

/** UNMAP (SBC-3 5.28). The parameter list is copied before it is looked at, and nothing is discarded unless all of it is good. */
export function unmap(disk: BlockDevice, { cdb, buffer }: Command): Outcome {
  const length = cdb.getUint16(7)
  if (length < HEADER || length !== buffer.length) return INVALID_CDB
  const list = new Uint8Array(length)
  if (!buffer.read(list)) return MEMORY_ACCESS
  const view = new DataView(list.buffer)
  if (view.getUint16(0) !== length - 2 || view.getUint16(2) !== length - HEADER) return INVALID_CDB
  const count = Math.floor((length - HEADER) / DESCRIPTOR)
  if (count > MAX_UNMAP_DESCRIPTORS) return INVALID_PARAMETER
  if (disk.readOnly) return WRITE_PROTECTED
  const steps: Step[] = []
  for (let index = 0; index < count; index++) {
    const at = HEADER + index * DESCRIPTOR
    const sector = u64At(view, at)
    const blocks = view.getUint32(at + 8)
    if (!inRange(disk.sectors, sector, blocks)) return LBA_OUT_OF_RANGE
    if (blocks > 0) steps.push({ op: 'discard', sector, count: blocks })
  }
  return steps.length === 0 ? 0 : { steps, transferred: length }
}

/**
 * WRITE SAME. Zeros, with the unmap bit or without, go to the disk as one call that frees what it can. The answer
 * counts the bytes of the disk that were written, not those of the buffer (OpenVMM scsidisk, handle_write_same).
 */
export function writeSame(disk: BlockDevice, { cdb, buffer }: Command): Outcome {
  if (relativeAddress(cdb) && cdb.getUint8(0) !== Op.writeSame16) return INVALID_CDB
  const sector = lbaOf(cdb)
  const count = blocksOf(cdb)
  if (!inRange(disk.sectors, sector, count)) return LBA_OUT_OF_RANGE
  if (disk.readOnly) return WRITE_PROTECTED
  const transferred = count * disk.sectorSize
  if (transferred > MAX_WRITE_SAME_BYTES) return LBA_OUT_OF_RANGE
  if (count === 0) return 0
  // NDOB of the 16-byte form: zeros, and no buffer.
  const withoutData = cdb.getUint8(0) === Op.writeSame16 && (cdb.getUint8(1) & 0x01) !== 0
  if (withoutData) return { steps: [{ op: 'zero', sector, count }], transferred: 0 }
  if (buffer.length < disk.sectorSize) return INVALID_CDB
  const pattern = new Uint8Array(disk.sectorSize)
  if (!buffer.read(pattern)) return MEMORY_ACCESS
  const steps: Step[] = [
    pattern.every((byte) => byte === 0) ? { op: 'zero', sector, count } : { op: 'same', sector, count },
  ]
  if (fuaOf(cdb) && cdb.getUint8(0) !== Op.writeSame16) steps.push({ op: 'flush' })
  return { steps, transferred }
}
