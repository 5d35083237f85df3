import type { Channel } from '@vmbus/core'
import {
  CDB_BYTES,
  HEADER_BYTES,
  NtStatus,
  Operation,
  PACKET_BYTES,
  REQUEST_BYTES,
  RING_BYTES,
  SENSE_BYTES,
  SRB_AUTOSENSE_VALID,
  ScsiStatus,
  SrbStatus,
  ntStatusOf,
  vmscsiRequest,
  vstorFeatures,
  vstorPacket,
  writeSense,
} from '../protocol/index.ts'
import type { Failure } from './command-result.ts'
import type { SetupState } from './setup.ts'

/** Which request a reply belongs to. */
export interface Reply {
  /** Transaction id. */
  readonly low: number
  readonly high: number
  /** Bytes of the reply: as many as the request had, at most a whole packet (Linux wants so, OpenVMM storvsp parse_packet). */
  readonly bytes: number
}

/** A request that is over but for its completion, which waits for room in the ring. */
export interface Finished extends Reply {
  readonly channel: number
  readonly result: number | Failure
}

/** Makes and sends the host's packets; one buffer for all. Senders answer false when nothing was sent. */
export interface Packets {
  /** The body of the next `send`: zeros until written. */
  readonly body: DataView
  send(channel: Channel, reply: Reply, status: number): boolean
  /** The reply to a SCSI request: bytes transferred or what failed. */
  sendResult(channel: Channel, reply: Reply, result: number | Failure): boolean
  /** A packet that replies to nothing. */
  notify(channel: Channel, operation: number, bytes: number): boolean
}

/** What sending replies needs of a controller. */
export interface ReplyContext {
  readonly channels: ReadonlyMap<number, Channel>
  readonly packets: Packets
  readonly state: SetupState & {
    finished: Finished[]
    /** The guest has yet to hear of added or removed units. */
    enumerate: boolean
    rescinded: boolean
  }
}

const at = vmscsiRequest.offsets

export function packets(): Packets {
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

/** Ends a request: its reply goes out now, or when the ring has room. */
export function finish({ packets, state }: ReplyContext, channel: Channel, to: Reply, result: number | Failure): void {
  if (packets.sendResult(channel, to, result) || !channel.isOpen) return
  state.finished.push({ low: to.low, high: to.high, bytes: to.bytes, channel: channel.subchannelIndex, result })
  channel.wantWritable(RING_BYTES)
}

/** Sends what waited for room, in order for each channel. */
export function flush({ channels, packets, state }: ReplyContext): void {
  const waiting = state.finished
  if (waiting.length === 0) return
  const left: Finished[] = []
  const full = new Set<number>()
  // Sending may let the guest run, and more requests end.
  state.finished = []
  for (const each of waiting) {
    const channel = channels.get(each.channel)
    if (channel === undefined || !channel.isOpen) continue
    if (!full.has(each.channel) && packets.sendResult(channel, each, each.result)) continue
    left.push(each)
    full.add(each.channel)
  }
  state.finished.unshift(...left)
  for (const index of full) channels.get(index)?.wantWritable(RING_BYTES)
}

/** Tells the guest of added or removed units. */
export function announce({ channels, packets, state }: ReplyContext): void {
  const channel = channels.get(0)
  const features = vstorFeatures(state.version)
  const { enumerate, rescinded, phase } = state
  if (!enumerate || rescinded || channel === undefined || features === undefined || phase !== 'ready') return
  // Cleared before the send: the guest may look, and the owner change more, before the call returns.
  state.enumerate = false
  if (!features.enumerateBus || packets.notify(channel, Operation.enumerateBus, features.packetBytes)) return
  state.enumerate = true
  channel.wantWritable(RING_BYTES)
}
