import { CoreError } from '../errors.ts'
import { TxStatus, gpaDirectHeader, gpaRange, transferPageHeader, transferPageRange, type Tx } from '../ring/index.ts'
import { PacketType, type PageRange, type TransferRange } from '../types.ts'

const DESCRIPTOR = 16
const PAGE = 4096
/** Flag bit 0: the sender wants a completion. */
export const FLAG_COMPLETION_REQUESTED = 1
const U32 = 0x1_0000_0000

/** Commits a GPA-direct packet, which always asks for a completion. Throws VMBUS_PACKET_INVALID for ranges that cannot be. */
export function writeGpaDirect(
  tx: Tx,
  ranges: readonly PageRange[],
  payload: Uint8Array,
  transactionLow: number,
  transactionHigh: number,
): TxStatus {
  if (ranges.length === 0) throw invalid('ranges', 0, 'at least one range')
  let header = DESCRIPTOR + gpaDirectHeader.size
  for (const range of ranges) {
    checkRange(range)
    header += gpaRange.size + range.pfns.length * 8
  }
  const status = tx.reserve(
    PacketType.gpaDirect,
    FLAG_COMPLETION_REQUESTED,
    header,
    payload.length,
    transactionLow,
    transactionHigh,
  )
  if (status !== TxStatus.written) return status
  tx.appendWords(0, ranges.length)
  for (const { byteCount, byteOffset, pfns } of ranges) {
    tx.appendWords(byteCount, byteOffset)
    for (const pfn of pfns) tx.appendWords(pfn % U32, Math.floor(pfn / U32))
  }
  tx.append(payload)
  tx.commit()
  return status
}

/** Commits a transfer page packet, which always asks for a completion. Throws VMBUS_PACKET_INVALID without a range. */
export function writeTransferPages(
  tx: Tx,
  setId: number,
  ranges: readonly TransferRange[],
  payload: Uint8Array,
  transactionLow: number,
  transactionHigh: number,
): TxStatus {
  if (ranges.length === 0) throw invalid('ranges', 0, 'at least one range')
  const header = DESCRIPTOR + transferPageHeader.size + ranges.length * transferPageRange.size
  const status = tx.reserve(
    PacketType.transferPages,
    FLAG_COMPLETION_REQUESTED,
    header,
    payload.length,
    transactionLow,
    transactionHigh,
  )
  if (status !== TxStatus.written) return status
  tx.appendWords(setId & 0xffff, ranges.length)
  for (const { byteCount, byteOffset } of ranges) tx.appendWords(byteCount, byteOffset)
  tx.append(payload)
  tx.commit()
  return status
}

function checkRange({ byteCount, byteOffset, pfns }: PageRange): void {
  if (!(byteCount > 0 && byteCount < U32)) throw invalid('byteCount', byteCount, '1 to 2^32 - 1')
  if (!(byteOffset >= 0 && byteOffset < PAGE)) throw invalid('byteOffset', byteOffset, '0 to 4095')
  const pages = Math.ceil((byteOffset + byteCount) / PAGE)
  if (pfns.length !== pages) throw invalid('pfns', pfns.length, `${pages} pages`)
}

function invalid(field: string, value: number, allowed: string): CoreError {
  return new CoreError('VMBUS_PACKET_INVALID', { field, value, allowed })
}
