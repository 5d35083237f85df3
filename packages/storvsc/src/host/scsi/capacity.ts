import type { BlockDevice } from '@vmbus/disk'
import { READ_CAPACITY_16 } from '../../protocol/index.ts'
import { INVALID_CDB, type CommandResult } from '../command-result.ts'
import type { Command } from '../unit.ts'
import { answer } from './answer.ts'

const MAX_U32 = 0xffff_ffff
const LONG_BYTES = 32
/** Logical block provisioning management is enabled. */
const LBPME = 0x80

/** READ CAPACITY (10): the last block, at most 2^32-1, which sends guests to the longer command. */
export function readCapacity10(disk: BlockDevice, { buffer }: Command): CommandResult {
  const data = new Uint8Array(8)
  const view = new DataView(data.buffer)
  view.setUint32(0, Math.min(disk.sectors - 1, MAX_U32))
  view.setUint32(4, disk.sectorSize)
  return answer(buffer, data, data.length)
}

/** SERVICE ACTION IN (16): READ CAPACITY (16) and nothing else. */
export function serviceActionIn16(disk: BlockDevice, { cdb, buffer }: Command, unmap: boolean): CommandResult {
  if ((cdb.getUint8(1) & 0x1f) !== READ_CAPACITY_16) return INVALID_CDB
  const data = new Uint8Array(LONG_BYTES)
  const view = new DataView(data.buffer)
  const last = disk.sectors - 1
  view.setUint32(0, Math.floor(last / 0x1_0000_0000))
  view.setUint32(4, last % 0x1_0000_0000)
  view.setUint32(8, disk.sectorSize)
  data[13] = Math.log2(disk.physicalSectorSize / disk.sectorSize)
  data[14] = unmap ? LBPME : 0
  return answer(buffer, data, cdb.getUint32(10))
}
