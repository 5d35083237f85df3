import { MODE_PAGE_ALL, Op, READ_CAPACITY_16, cdbLength } from '@vmbus/storvsc/protocol'

/** A CDB of its opcode's length, and a view of it. */
function cdb(opcode: number): { readonly bytes: Uint8Array; readonly view: DataView } {
  const bytes = new Uint8Array(cdbLength(opcode))
  bytes[0] = opcode
  return { bytes, view: new DataView(bytes.buffer) }
}

/** Standard data: the length is one byte (drivers/scsi/scsi_scan.c, scsi_probe_lun). */
export function inquiry(length: number): Uint8Array {
  const { bytes } = cdb(Op.inquiry)
  bytes[4] = length
  return bytes
}

/** A page of vital product data (drivers/scsi/scsi.c, scsi_vpd_inquiry). */
export function productData(page: number, length: number): Uint8Array {
  const { bytes, view } = cdb(Op.inquiry)
  bytes[1] = 1
  bytes[2] = page
  view.setUint16(3, length)
  return bytes
}

export function reportLuns(length: number): Uint8Array {
  const { bytes, view } = cdb(Op.reportLuns)
  view.setUint32(6, length)
  return bytes
}

export const testUnitReady = (): Uint8Array => cdb(Op.testUnitReady).bytes

export function readCapacity(long: boolean, length: number): Uint8Array {
  if (!long) return cdb(Op.readCapacity10).bytes
  const { bytes, view } = cdb(Op.serviceActionIn16)
  bytes[1] = READ_CAPACITY_16
  view.setUint32(10, length)
  return bytes
}

/** Block descriptors are not refused (drivers/scsi/scsi_lib.c, scsi_mode_sense with dbd 0). */
export function modeSense(page: number, length: number): Uint8Array {
  const { bytes } = cdb(Op.modeSense6)
  bytes[2] = page
  bytes[4] = length
  return bytes
}

export const EVERY_MODE_PAGE: number = MODE_PAGE_ALL

const MAX_U32 = 0xffff_ffff
const MAX_U16 = 0xffff

/** READ or WRITE, 10 bytes while they are enough (drivers/scsi/sd.c, sd_setup_read_write_cmnd). */
export function transfer(write: boolean, block: number, count: number): Uint8Array {
  if (block + count <= MAX_U32 && count <= MAX_U16) {
    const { bytes, view } = cdb(write ? Op.write10 : Op.read10)
    view.setUint32(2, block)
    view.setUint16(7, count)
    return bytes
  }
  const { bytes, view } = cdb(write ? Op.write16 : Op.read16)
  view.setBigUint64(2, BigInt(block))
  view.setUint32(10, count)
  return bytes
}

export const synchronizeCache = (): Uint8Array => cdb(Op.synchronizeCache10).bytes

export function unmap(listBytes: number): Uint8Array {
  const { bytes, view } = cdb(Op.unmap)
  view.setUint16(7, listBytes)
  return bytes
}

/** UNMAP's parameter list with its one descriptor (drivers/scsi/sd.c, sd_setup_unmap_cmnd). */
export function unmapList(block: number, count: number): Uint8Array {
  const bytes = new Uint8Array(24)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, bytes.length - 2)
  view.setUint16(2, bytes.length - 8)
  view.setBigUint64(8, BigInt(block))
  view.setUint32(16, count)
  return bytes
}
