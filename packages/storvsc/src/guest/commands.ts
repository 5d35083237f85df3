import { MODE_PAGE_ALL, Op, READ_CAPACITY_16, cdbLength } from '../protocol/index.ts'

/** A CDB of its opcode's length, and a view of it. */
function cdb(opcode: number): { readonly bytes: Uint8Array; readonly view: DataView } {
  const bytes = new Uint8Array(cdbLength(opcode))
  bytes[0] = opcode
  return { bytes, view: new DataView(bytes.buffer) }
}

const MAX_U32 = 0xffff_ffff
const MAX_U16 = 0xffff

/** READ or WRITE, the 10-byte form while it is enough: byte by byte, as a view for each request cost a tenth of a read. */
export function transferCdb(write: boolean, sector: number, blocks: number): Uint8Array {
  if (sector <= MAX_U32 && blocks <= MAX_U16) {
    const bytes = new Uint8Array(cdbLength(Op.read10))
    bytes[0] = write ? Op.write10 : Op.read10
    bytes[2] = sector >>> 24
    bytes[3] = sector >>> 16
    bytes[4] = sector >>> 8
    bytes[5] = sector
    bytes[7] = blocks >>> 8
    bytes[8] = blocks
    return bytes
  }
  const { bytes, view } = cdb(write ? Op.write16 : Op.read16)
  view.setUint32(2, Math.floor(sector / 0x1_0000_0000))
  view.setUint32(6, sector % 0x1_0000_0000)
  view.setUint32(10, blocks)
  return bytes
}

/** SYNCHRONIZE CACHE (10) of the whole disk. */
export const flushCdb = (): Uint8Array => cdb(Op.synchronizeCache10).bytes

export function unmapCdb(listBytes: number): Uint8Array {
  const { bytes, view } = cdb(Op.unmap)
  view.setUint16(7, listBytes)
  return bytes
}

/** The parameter list of UNMAP (SBC-3 5.28.2). */
export function unmapList(ranges: readonly { readonly sector: number; readonly count: number }[]): Uint8Array {
  const bytes = new Uint8Array(8 + ranges.length * 16)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, bytes.length - 2)
  view.setUint16(2, bytes.length - 8)
  ranges.forEach(({ sector, count }, index) => {
    const at = 8 + index * 16
    view.setUint32(at, Math.floor(sector / 0x1_0000_0000))
    view.setUint32(at + 4, sector % 0x1_0000_0000)
    view.setUint32(at + 8, count)
  })
  return bytes
}

/** INQUIRY; with a page, of that VPD page. */
export function inquiryCdb(allocation: number, page?: number): Uint8Array {
  const { bytes, view } = cdb(Op.inquiry)
  if (page !== undefined) {
    bytes[1] = 0x01
    bytes[2] = page
  }
  view.setUint16(3, allocation)
  return bytes
}

export function reportLunsCdb(allocation: number): Uint8Array {
  const { bytes, view } = cdb(Op.reportLuns)
  view.setUint32(6, allocation)
  return bytes
}

export function readCapacity16Cdb(allocation: number): Uint8Array {
  const { bytes, view } = cdb(Op.serviceActionIn16)
  bytes[1] = READ_CAPACITY_16
  view.setUint32(10, allocation)
  return bytes
}

/** MODE SENSE (6) of every page, without block descriptors: the header says whether the unit is write-protected. */
export function modeSenseCdb(allocation: number): Uint8Array {
  const { bytes } = cdb(Op.modeSense6)
  bytes[1] = 0x08
  bytes[2] = MODE_PAGE_ALL
  bytes[4] = allocation
  return bytes
}
