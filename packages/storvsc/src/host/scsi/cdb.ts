import { cdbLength } from '../../protocol/index.ts'

// Fields that commands of one length have in common (SPC-4 4.3). All integers are big-endian.

/** A u64; above 2^53 the nearest number, which is past the end of every disk all the same. */
export const u64At = (view: DataView, offset: number): number =>
  view.getUint32(offset) * 0x1_0000_0000 + view.getUint32(offset + 4)

export function lbaOf(cdb: DataView): number {
  switch (cdbLength(cdb.getUint8(0))) {
    case 6:
      return ((cdb.getUint8(1) & 0x1f) << 16) | cdb.getUint16(2)
    case 16:
      return u64At(cdb, 2)
    default:
      return cdb.getUint32(2)
  }
}

export function blocksOf(cdb: DataView): number {
  switch (cdbLength(cdb.getUint8(0))) {
    case 6:
      // 0 is 256 here, and nothing in the longer forms (SBC-3 5.8).
      return cdb.getUint8(4) || 256
    case 16:
      return cdb.getUint32(10)
    case 12:
      return cdb.getUint32(6)
    default:
      return cdb.getUint16(7)
  }
}

/** FORCE UNIT ACCESS of the longer reads and writes, or FUA_NV, of a non-volatile cache, treated alike. */
export const fuaOf = (cdb: DataView): boolean => cdbLength(cdb.getUint8(0)) !== 6 && (cdb.getUint8(1) & 0x0a) !== 0

/** The obsolete RELADR bit of 10 and 12 byte commands. */
export function relativeAddress(cdb: DataView): boolean {
  const length = cdbLength(cdb.getUint8(0))
  return (length === 10 || length === 12) && (cdb.getUint8(1) & 0x01) !== 0
}

/** RDPROTECT, WRPROTECT or VRPROTECT ask for protection information, with which nothing here is formatted (SBC-3 4.22). */
export const protects = (cdb: DataView): boolean => cdbLength(cdb.getUint8(0)) !== 6 && (cdb.getUint8(1) & 0xe0) !== 0

/** NACA of the control byte, the last: ACA is not there, as standard INQUIRY data says (NORMACA 0, SAM-5 5.2). */
export const wantsAca = (cdb: DataView): boolean => (cdb.getUint8(cdbLength(cdb.getUint8(0)) - 1) & 0x04) !== 0

/** Do sectors [lba, lba + blocks) exist? A first sector that does not is refused even for none (SBC-3 5.2). */
export const inRange = (sectors: number, lba: number, blocks: number): boolean =>
  lba < sectors && blocks <= sectors - lba
