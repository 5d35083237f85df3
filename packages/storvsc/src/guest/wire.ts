import {
  DataIn,
  HEADER_BYTES,
  Operation,
  PACKET_BYTES,
  PACKET_BYTES_V1,
  REQUEST_BYTES,
  REQUEST_BYTES_V1,
  REQUEST_COMPLETION,
  SrbFlag,
  vmscsiRequest,
  vstorPacket,
} from '../protocol/index.ts'
import type { RequestRecord } from './state.ts'

const UNTAGGED = 0xff
const SIMPLE_TAG = 0x20
const TIMEOUT_SECONDS = 60
const at = vmscsiRequest.offsets

/** Transaction ids that are no tag (Linux storvsc_drv.c, VMBUS_RQST_INIT and VMBUS_RQST_RESET). */
export const ID_HIGH = 0xffff_ffff
export const INIT_LOW = 0xffff_fffd
export const RESET_LOW = 0xffff_fffc

/** Makes the driver's packets; one buffer for all. */
export interface Packets {
  /** A set-up packet; `body` writes what follows the header. */
  control(operation: number, bytes: number, body?: (view: DataView) => void): Uint8Array
  request(request: RequestRecord, bytes: number, port: number, senseBytes: number): Uint8Array
}

export function packets(): Packets {
  const packet = new Uint8Array(PACKET_BYTES)
  const view = new DataView(packet.buffer)
  const body = new DataView(packet.buffer, HEADER_BYTES)
  const long = packet
  const short = packet.subarray(0, PACKET_BYTES_V1)

  const begin = (operation: number): void => {
    packet.fill(0)
    view.setUint32(vstorPacket.offsets.operation, operation, true)
    view.setUint32(vstorPacket.offsets.flags, REQUEST_COMPLETION, true)
  }

  return {
    control(operation, bytes, write) {
      begin(operation)
      write?.(body)
      return bytes === PACKET_BYTES_V1 ? short : long
    },
    request(request, bytes, port, senseBytes) {
      begin(Operation.executeSrb)
      const { direction, cdb, buffer } = request
      body.setUint16(at.length, bytes === PACKET_BYTES_V1 ? REQUEST_BYTES_V1 : REQUEST_BYTES, true)
      body.setUint8(at.portNumber, port)
      body.setUint8(at.pathId, request.path)
      body.setUint8(at.targetId, request.target)
      body.setUint8(at.lun, request.lun)
      body.setUint8(at.cdbLength, cdb.length)
      body.setUint8(at.senseInfoLength, senseBytes)
      body.setUint8(at.dataIn, direction === 'read' ? DataIn.read : direction === 'write' ? DataIn.write : DataIn.none)
      body.setUint32(at.dataTransferLength, buffer?.byteCount ?? 0, true)
      packet.set(cdb, HEADER_BYTES + at.cdb)
      if (request.tagged) {
        body.setUint8(at.queueTag, UNTAGGED)
        body.setUint8(at.queueAction, SIMPLE_TAG)
      }
      const data = direction === 'read' ? SrbFlag.dataIn : direction === 'write' ? SrbFlag.dataOut : 0
      body.setUint32(
        at.srbFlags,
        SrbFlag.disableSynchTransfer | (request.tagged ? SrbFlag.queueActionEnable | SrbFlag.noQueueFreeze : 0) | data,
        true,
      )
      body.setUint32(at.timeOutValue, TIMEOUT_SECONDS, true)
      return bytes === PACKET_BYTES_V1 ? short : long
    },
  }
}
