import type { BlockDevice } from '@vmbus/disk'
import {
  LBA_OUT_OF_RANGE,
  INVALID_CDB,
  MEMORY_ACCESS,
  WRITE_PROTECTED,
  type Outcome,
  type Plan,
  type Step,
} from '../outcome.ts'
import type { Command } from '../unit.ts'
import { blocksOf, fuaOf, inRange, lbaOf, relativeAddress } from './cdb.ts'

const FLUSH: Step = { op: 'flush' }

/** READ and WRITE of every length. The plan is made once and reused: this is the path of every sector. */
export interface Transfers {
  read(disk: BlockDevice, command: Command): Outcome
  write(disk: BlockDevice, command: Command): Outcome
}

export function transfers(): Transfers {
  const step = { op: 'read' as 'read' | 'write', sector: 0, offset: 0, length: 0 }
  const plain: Plan = { steps: [step], transferred: 0 }
  const forced: Plan = { steps: [step, FLUSH], transferred: 0 }

  const transfer = (disk: BlockDevice, { cdb, buffer }: Command, op: 'read' | 'write'): Outcome => {
    if (relativeAddress(cdb)) return INVALID_CDB
    const sector = lbaOf(cdb)
    const blocks = blocksOf(cdb)
    const length = blocks * disk.sectorSize
    // A transfer of no blocks is refused like one beyond the end (OpenVMM scsidisk, validate_data_cdb).
    if (blocks === 0 || length > buffer.length || !inRange(disk.sectors, sector, blocks)) return LBA_OUT_OF_RANGE
    if (op === 'read' && !buffer.deviceMayWrite) return MEMORY_ACCESS
    if (op === 'write' && disk.readOnly) return WRITE_PROTECTED
    step.op = op
    step.sector = sector
    step.length = length
    const plan = op === 'write' && fuaOf(cdb) ? forced : plain
    plan.transferred = length
    return plan
  }
  return {
    read: (disk, command) => transfer(disk, command, 'read'),
    write: (disk, command) => transfer(disk, command, 'write'),
  }
}

/** VERIFY and WRITE AND VERIFY look at the range and at nothing else (OpenVMM scsidisk, handle_verify_validation). */
export function verify(disk: BlockDevice, { cdb }: Command): Outcome {
  if (relativeAddress(cdb)) return INVALID_CDB
  return inRange(disk.sectors, lbaOf(cdb), blocksOf(cdb)) ? 0 : LBA_OUT_OF_RANGE
}

const FLUSH_PLAN: Plan = { steps: [FLUSH], transferred: 0 }

/** SYNCHRONIZE CACHE covers the whole disk, whatever range it names. */
export const synchronizeCache = (): Outcome => FLUSH_PLAN

/** START STOP UNIT: stopping flushes; answering before it is done is refused. */
export function startStop({ cdb }: Command): Outcome {
  if ((cdb.getUint8(1) & 0x01) !== 0) return INVALID_CDB
  return (cdb.getUint8(4) & 0x01) !== 0 ? 0 : FLUSH_PLAN
}
