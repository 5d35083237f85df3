import type { BlockDevice } from '@vmbus/disk'
import { Op, Vpd } from '../../protocol/index.ts'
import { INVALID_CDB, INVALID_LUN, type CommandResult } from '../command-result.ts'
import type { Command } from '../unit.ts'
import { answer, putText } from './answer.ts'
import { identifiers } from './identity.ts'
import { MAX_UNMAP_DESCRIPTORS, MAX_WRITE_SAME_BYTES } from './provisioning.ts'

/** Bytes of standard INQUIRY data as Hyper-V sends it (OpenVMM scsi_defs, InquiryData). */
const INQUIRY_BYTES = 104
const HEADER_BYTES = 5
const VPD_HEADER_BYTES = 4
const NOT_PRESENT = 0x7f
const DVD = 0x05

/** Microsoft's pages: paging extent properties and virtual device properties (OpenVMM scsidisk/src/inquiry.rs). */
const MSFT_PAGING_EXTENT = 0xce
const MSFT_VIRTUAL_DEVICE = 0xcf

export interface InquiryOptions {
  /** 16 bytes that name the disk. */
  readonly identity: Uint8Array
  /** Page 0x80; without one the page does not exist, as on Hyper-V. */
  readonly serial: string | undefined
  /** The disk gives space back, and says so. */
  readonly unmap: boolean
}

function standard(first: number, product: string, version: number, flags: number): Uint8Array {
  const data = new Uint8Array(INQUIRY_BYTES)
  data[0] = first
  data[1] = flags
  data[2] = version
  data[3] = 0x02
  data[4] = INQUIRY_BYTES - HEADER_BYTES
  putText(data, 8, 8, 'Msft')
  putText(data, 16, 16, product)
  putText(data, 32, 4, '1.0')
  return data
}

const SPC_3 = 0x05
const REMOVABLE = 0x80
const diskData = standard(0, 'Virtual Disk', SPC_3, 0)
// Command queuing.
diskData[7] = 0x02
export const DVD_DATA: Uint8Array = standard(DVD, 'Virtual DVD-ROM', 0, REMOVABLE)

/** What is checked of every INQUIRY; `page` is undefined for standard data. */
export function inquiryRequest({
  cdb,
}: Command): { readonly page: number | undefined; readonly allocation: number } | undefined {
  const vpd = (cdb.getUint8(1) & 0x01) !== 0
  const page = cdb.getUint8(2)
  const allocation = cdb.getUint16(3)
  // CMDDT is obsolete, and a page code is of a page alone (SPC-4 6.6.1).
  if ((cdb.getUint8(1) & 0x02) !== 0 || (!vpd && page !== 0)) return undefined
  return { page: vpd ? page : undefined, allocation }
}

export function vpdPage(deviceType: number, page: number, body: Uint8Array): Uint8Array {
  const data = new Uint8Array(VPD_HEADER_BYTES + body.length)
  data.set([deviceType, page, body.length >>> 8, body.length & 0xff])
  data.set(body, VPD_HEADER_BYTES)
  return data
}

/** Logical block size, provisioning limits, write same limit (SBC-3 6.6.4). */
function blockLimits(disk: BlockDevice): Uint8Array {
  const body = new Uint8Array(60)
  const view = new DataView(body.buffer)
  view.setUint32(16, 0xffff_ffff)
  view.setUint32(20, MAX_UNMAP_DESCRIPTORS)
  view.setUint32(24, Math.max(1, disk.discardGranularity))
  // UGAVALID: granules begin at sector 0.
  view.setUint32(28, 0x8000_0000)
  view.setUint32(36, MAX_WRITE_SAME_BYTES / disk.sectorSize)
  return body
}

/** A medium that does not rotate (SBC-3 6.6.2). */
function characteristics(): Uint8Array {
  const body = new Uint8Array(60)
  body[1] = 1
  return body
}

/** Thin, UNMAP supported; the exponent keeps threshold counts below 2^32 (SBC-3 6.6.5). */
function provisioning(disk: BlockDevice): Uint8Array {
  let exponent = 1
  while (disk.sectors / 2 ** exponent >= 0x1_0000_0000) exponent++
  return Uint8Array.of(exponent, 0x80, 0x02, 0)
}

const virtualDevice = Uint8Array.from([
  1, 0, 0, 0, 0x15, 0x8f, 0xa9, 0x89, 0x28, 0xc9, 0x8b, 0x4d, 0x94, 0xcd, 0xef, 0x51, 0xfa, 0xa9, 0x9d, 0x33,
])
const pagingExtent = Uint8Array.of(1, 1, 0, 0)

function pageBody(
  disk: BlockDevice,
  page: number,
  { identity, serial, unmap }: InquiryOptions,
): Uint8Array | undefined {
  switch (page) {
    case Vpd.supported:
      return Uint8Array.from([
        Vpd.supported,
        ...(serial === undefined ? [] : [Vpd.serialNumber]),
        Vpd.identifiers,
        ...(unmap ? [Vpd.blockLimits, Vpd.characteristics, Vpd.provisioning] : []),
        MSFT_PAGING_EXTENT,
        MSFT_VIRTUAL_DEVICE,
      ])
    case Vpd.serialNumber: {
      if (serial === undefined) return undefined
      const body = new Uint8Array(serial.length)
      putText(body, 0, serial.length, serial)
      return body
    }
    case Vpd.identifiers:
      return identifiers(identity)
    case Vpd.blockLimits:
      return unmap ? blockLimits(disk) : undefined
    case Vpd.characteristics:
      return unmap ? characteristics() : undefined
    case Vpd.provisioning:
      return unmap ? provisioning(disk) : undefined
    case MSFT_PAGING_EXTENT:
      return pagingExtent
    case MSFT_VIRTUAL_DEVICE:
      return virtualDevice
    default:
      return undefined
  }
}

export function diskInquiry(disk: BlockDevice, command: Command, options: InquiryOptions): CommandResult {
  const request = inquiryRequest(command)
  if (request === undefined) return INVALID_CDB
  if (request.page === undefined) return answer(command.buffer, diskData, request.allocation)
  const body = pageBody(disk, request.page, options)
  return body === undefined ? INVALID_CDB : answer(command.buffer, vpdPage(0, request.page, body), request.allocation)
}

/**
 * What the controller says where there is no logical unit: INQUIRY succeeds with peripheral 0x7F (names only at LUN 0),
 * its pages are an invalid CDB, everything else is an invalid LUN (OpenVMM storvsp, execute_scsi).
 */
export function absentUnit(command: Command, lun: number): CommandResult {
  if (command.cdb.getUint8(0) !== Op.inquiry) return INVALID_LUN
  const request = inquiryRequest(command)
  if (request === undefined || request.page !== undefined) return INVALID_CDB
  const data = diskData.slice()
  data[0] = NOT_PRESENT
  data[7] = 0
  if (lun !== 0) data.fill(0, 8, 36)
  return answer(command.buffer, data, request.allocation)
}
