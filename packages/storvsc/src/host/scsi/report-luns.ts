import type { LunAddress } from '../address.ts'
import { INVALID_CDB, type CommandResult } from '../command-result.ts'
import { answer } from './answer.ts'
import type { Command } from '../unit.ts'

const HEADER = 8
const ENTRY = 8
/** SELECT REPORT (SPC-4 6.33): the units that are there, with or without those of a well-known kind, which none is. */
const Select = { addressed: 0, wellKnown: 1, all: 2 } as const

/** REPORT LUNS for one path and target: 8 bytes each, the number in the first two. A buffer without room for the header gets nothing. */
export function reportLuns(
  addresses: readonly LunAddress[],
  path: number,
  target: number,
  { cdb, buffer }: Command,
): CommandResult {
  const select = cdb.getUint8(2)
  if (select > Select.all) return INVALID_CDB
  if (buffer.length < HEADER) return 0
  const here = addresses.filter((address) => address.path === path && address.target === target)
  const found = select === Select.wellKnown ? [] : here
  const data = new DataView(new ArrayBuffer(HEADER + found.length * ENTRY))
  data.setUint32(0, found.length * ENTRY)
  found.forEach(({ lun }, index) => data.setUint16(HEADER + index * ENTRY, lun))
  return answer(buffer, new Uint8Array(data.buffer), Math.min(cdb.getUint32(6), buffer.length))
}
