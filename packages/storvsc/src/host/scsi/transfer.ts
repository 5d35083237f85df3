import type { BlockDevice } from '@vmbus/disk'
import {
  DATA_OVERRUN,
  INVALID_CDB,
  LBA_OUT_OF_RANGE,
  MEMORY_ACCESS,
  WRITE_PROTECTED,
  type CommandResult,
  type Plan,
  type Step,
} from '../command-result.ts'
import type { Command } from '../unit.ts'
import { blocksOf, fuaOf, inRange, lbaOf, protects, relativeAddress } from './cdb.ts'

const FLUSH: Step = { op: 'flush' }

/** READ and WRITE of every length. The plan is made once and reused: this is the path of every sector. */
export interface Transfers {
  read(disk: BlockDevice, command: Command): CommandResult
  write(disk: BlockDevice, command: Command): CommandResult
}

export function transfers(writeCache: boolean): Transfers {
  const step = { op: 'read' as 'read' | 'write', sector: 0, offset: 0, length: 0 }
  const plain: Plan = { steps: [step], transferred: 0 }
  const forcedWrite: Plan = { steps: [step, FLUSH], transferred: 0 }
  // What was written before reaches the medium, and is read from there (SBC-3 5.9, FUA).
  const forcedRead: Plan = { steps: [FLUSH, step], transferred: 0 }

  const transfer = (disk: BlockDevice, { cdb, buffer }: Command, op: 'read' | 'write', forced: Plan): CommandResult => {
    if (relativeAddress(cdb) || protects(cdb)) return INVALID_CDB
    const sector = lbaOf(cdb)
    const blocks = blocksOf(cdb)
    const length = blocks * disk.sectorSize
    if (!inRange(disk.sectors, sector, blocks)) return LBA_OUT_OF_RANGE
    if (blocks === 0) return 0
    if (length > buffer.length) return DATA_OVERRUN
    if (op === 'read' && !buffer.deviceMayWrite) return MEMORY_ACCESS
    if (op === 'write' && disk.readOnly) return WRITE_PROTECTED
    step.op = op
    step.sector = sector
    step.length = length
    const plan = fuaOf(cdb) || (op === 'write' && !writeCache) ? forced : plain
    plan.transferred = length
    return plan
  }
  return {
    read: (disk, command) => transfer(disk, command, 'read', forcedRead),
    write: (disk, command) => transfer(disk, command, 'write', forcedWrite),
  }
}

const FLUSH_PLAN: Plan = { steps: [FLUSH], transferred: 0 }

/** SYNCHRONIZE CACHE covers the whole disk, whatever range of it is named; no blocks are all that follow (SBC-3 5.22). */
export function synchronizeCache(disk: BlockDevice, { cdb }: Command): CommandResult {
  if (relativeAddress(cdb)) return INVALID_CDB
  return inRange(disk.sectors, lbaOf(cdb), blocksOf(cdb)) ? FLUSH_PLAN : LBA_OUT_OF_RANGE
}

/**
 * START STOP UNIT: stopping flushes, and is over when it is answered, IMMED or not. There is no other power condition,
 * and no medium to load or eject.
 */
export function startStop({ cdb }: Command): CommandResult {
  const how = cdb.getUint8(4)
  if ((how & 0xf2) !== 0) return INVALID_CDB
  return (how & 0x01) !== 0 ? 0 : FLUSH_PLAN
}
