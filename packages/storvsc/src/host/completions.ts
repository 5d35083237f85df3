import type { Channel } from '@vmbus/core'
import {
  CDB_BYTES,
  HEADER_BYTES,
  NtStatus,
  Operation,
  PACKET_BYTES,
  REQUEST_BYTES,
  SENSE_BYTES,
  SRB_AUTOSENSE_VALID,
  ScsiStatus,
  SrbStatus,
  ntStatusOf,
  vmscsiRequest,
  vstorPacket,
  writeSense,
} from '../protocol/index.ts'
import type { Failure } from './outcome.ts'

/** Which request an answer belongs to. */
export interface Reply {
  /** Transaction id. */
  readonly low: number
  readonly high: number
  /** Bytes of the answer: as many as the request had, at most a whole packet (Linux wants so, OpenVMM storvsp parse_packet). */
  readonly bytes: number
}

/** Makes and sends the host's packets; one buffer for all. Senders answer false when nothing was sent. */
export interface Completions {
  /** The body of the next `send`: zeros until written. */
  readonly body: DataView
  send(channel: Channel, reply: Reply, status: number): boolean
  /** The answer to a SCSI request: bytes transferred or what failed. */
  sendResult(channel: Channel, reply: Reply, result: number | Failure): boolean
  /** A packet that answers nothing. */
  notify(channel: Channel, operation: number, bytes: number): boolean
}

const at = vmscsiRequest.offsets

export function completions(): Completions {
  const packet = new Uint8Array(PACKET_BYTES)
  const view = new DataView(packet.buffer)
  const body = new DataView(packet.buffer, HEADER_BYTES)
  const cut: Uint8Array[] = []
  const first = (bytes: number): Uint8Array => (cut[bytes] ??= packet.subarray(0, bytes))

  const header = (operation: number, status: number): void => {
    view.setUint32(vstorPacket.offsets.operation, operation, true)
    view.setUint32(vstorPacket.offsets.flags, 0, true)
    view.setUint32(vstorPacket.offsets.status, status, true)
  }

  return {
    body,
    send(channel, { low, high, bytes }, status) {
      header(Operation.completeIo, status)
      const sent = channel.sendCompletion(first(bytes), low, high)
      packet.fill(0)
      return sent
    },
    sendResult(channel, { low, high, bytes }, result) {
      const failed = typeof result === 'number' ? undefined : result
      header(Operation.completeIo, failed === undefined ? NtStatus.success : ntStatusOf(failed.srbStatus))
      body.setUint16(at.length, REQUEST_BYTES, true)
      body.setUint8(
        at.srbStatus,
        failed === undefined
          ? SrbStatus.success
          : failed.srbStatus | (failed.sense === undefined ? 0 : SRB_AUTOSENSE_VALID),
      )
      body.setUint8(at.scsiStatus, failed === undefined ? ScsiStatus.good : failed.scsiStatus)
      body.setUint8(at.cdbLength, CDB_BYTES)
      body.setUint8(at.senseInfoLength, SENSE_BYTES)
      body.setUint32(at.dataTransferLength, typeof result === 'number' ? result : 0, true)
      if (failed?.sense !== undefined) writeSense(failed.sense, packet, HEADER_BYTES + at.senseData)
      const sent = channel.sendCompletion(first(bytes), low, high)
      if (failed?.sense !== undefined) packet.fill(0)
      return sent
    },
    notify(channel, operation, bytes) {
      packet.fill(0)
      header(operation, NtStatus.success)
      return channel.sendInBand(first(bytes), 0, 0, false)
    },
  }
}
