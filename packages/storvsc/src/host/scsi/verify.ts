import type { BlockDevice } from '@vmbus/disk'
import {
  DATA_OVERRUN,
  INVALID_CDB,
  LBA_OUT_OF_RANGE,
  WRITE_PROTECTED,
  type CommandResult,
  type Step,
} from '../command-result.ts'
import type { Command } from '../unit.ts'
import { blocksOf, inRange, lbaOf, protects, relativeAddress } from './cdb.ts'

/** Bytes that one step reads back, into scratch memory. */
const VERIFY_BYTES = 256 << 10
/** Blocks that one command verifies: as many as its 10-byte form can name. */
const MAX_VERIFY_BLOCKS = 0xffff

/** BYTCHK: the blocks can be read, are those of the buffer, or all are the one in the buffer (SBC-3 5.29). */
const COMPARES = ['nothing', 'all', undefined, 'one'] as const
type Compare = Exclude<(typeof COMPARES)[number], undefined>

const compareOf = (cdb: DataView): Compare | undefined => COMPARES[(cdb.getUint8(1) >>> 1) & 3]

function verifySteps(disk: BlockDevice, sector: number, blocks: number, compare: Compare): Step[] {
  const most = VERIFY_BYTES / disk.sectorSize
  return Array.from({ length: Math.ceil(blocks / most) }, (_, index) => ({
    op: 'verify',
    sector: sector + index * most,
    count: Math.min(most, blocks - index * most),
    compare,
    offset: compare === 'all' ? index * VERIFY_BYTES : 0,
  }))
}

/** VERIFY reads the sectors, and compares them with what the guest sent. */
export function verify(disk: BlockDevice, { cdb, buffer }: Command): CommandResult {
  const compare = compareOf(cdb)
  const sector = lbaOf(cdb)
  const blocks = blocksOf(cdb)
  if (compare === undefined || relativeAddress(cdb) || protects(cdb)) return INVALID_CDB
  if (!inRange(disk.sectors, sector, blocks)) return LBA_OUT_OF_RANGE
  if (blocks === 0) return 0
  if (blocks > MAX_VERIFY_BLOCKS) return INVALID_CDB
  const sent = { nothing: 0, all: blocks, one: 1 }[compare] * disk.sectorSize
  if (sent > buffer.length) return DATA_OVERRUN
  return { steps: verifySteps(disk, sector, blocks, compare), transferred: sent }
}

/** WRITE AND VERIFY writes to the medium, then reads from there what it wrote, and compares it if it is to (SBC-3 5.37). */
export function writeAndVerify(disk: BlockDevice, { cdb, buffer }: Command): CommandResult {
  const compare = compareOf(cdb)
  const sector = lbaOf(cdb)
  const blocks = blocksOf(cdb)
  const length = blocks * disk.sectorSize
  // One block for all of them is VERIFY's alone.
  if (compare === undefined || compare === 'one' || relativeAddress(cdb) || protects(cdb)) return INVALID_CDB
  if (!inRange(disk.sectors, sector, blocks)) return LBA_OUT_OF_RANGE
  if (blocks === 0) return 0
  if (length > buffer.length) return DATA_OVERRUN
  if (disk.readOnly) return WRITE_PROTECTED
  const write: Step[] = [{ op: 'write', sector, offset: 0, length }, { op: 'flush' }]
  return { steps: [...write, ...verifySteps(disk, sector, blocks, compare)], transferred: length }
}
