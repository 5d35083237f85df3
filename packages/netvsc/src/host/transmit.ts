import { copyFromRanges, rangesLength, type Channel, type Packet } from '@vmbus/core'
import type { Offload } from '@vmbus/switch'
import { BODY, ChannelType, NO_SECTION, NvspStatus, sendRndisPacket } from '../protocol/nvsp.ts'
import { readPacketBody } from '../protocol/packet-body.ts'
import { TxChecksum, lsoMss, packetInfo, vlanOf, type PacketInfo } from '../protocol/ppi.ts'
import { MOST_CONTROL_BYTES, PACKET_HEADER, RNDIS_HEADER, RndisType, packet } from '../protocol/rndis.ts'
import { completeRndis } from './queue.ts'
import { control } from './rndis.ts'
import { violation } from './state.ts'
import { traceTransfer } from './tracing.ts'
import type { FrameReceiver, TransmitBuffer } from './types.ts'

/** RNDIS bytes of one message: a section and what guests put beside it, several times what any sends. */
const MOST_DATA_BYTES = 256 * 1024

export function createTransmitBuffer(): TransmitBuffer {
  const bytes = new Uint8Array(16 * 1024)
  const view = new DataView(bytes.buffer)
  return { bytes, view, info: packetInfo(), frame: { bytes, vlan: undefined, offload: undefined } }
}

/** SEND_RNDIS_PKT: takes all RNDIS messages that it carries, then completes it once. */
export function transmit(ctx: FrameReceiver, channel: Channel, received: Packet): void {
  const { transactionLow, transactionHigh } = received
  const at = received.payloadOffset
  if (received.payloadLength < BODY + sendRndisPacket.size || (received.flags & 1) === 0)
    return violation(channel, 'rndis-short', 'an RNDIS packet message that is too short, or that nobody waits for')
  const type = sendRndisPacket.read.channel_type(received.view, at + BODY)
  const length = gather(ctx, received)
  if (length < 0) {
    ctx.statistics.sendErrors++
    return completeRndis(ctx, channel, transactionLow, transactionHigh, NvspStatus.invalidRndisPacket)
  }
  if (ctx.deps.trace !== undefined) traceTransfer(ctx, channel, 'host', ctx.transmitBuffer.bytes.subarray(0, length))
  if (type === ChannelType.control) {
    if (length > MOST_CONTROL_BYTES || channel.subchannelIndex !== 0)
      return completeRndis(ctx, channel, transactionLow, transactionHigh, NvspStatus.fail)
    const message = ctx.transmitBuffer.bytes.slice(0, length)
    completeRndis(ctx, channel, transactionLow, transactionHigh, NvspStatus.success)
    return control(ctx, channel, message)
  }
  const status = type === ChannelType.data ? sendAll(ctx, length) : NvspStatus.fail
  completeRndis(ctx, channel, transactionLow, transactionHigh, status)
}

/** Copies the message's RNDIS bytes, section first, then ranges; -1 when they are not all in memory that the guest has granted. */
function gather(ctx: FrameReceiver, received: Packet): number {
  const { transmitBuffer } = ctx
  const at = received.payloadOffset + BODY
  const index = sendRndisPacket.read.send_buf_section_index(received.view, at)
  const size = sendRndisPacket.read.send_buf_section_size(received.view, at)
  const inSection = index === NO_SECTION ? 0 : size
  const beside = rangesLength(received.gpaRanges)
  const total = inSection + beside
  if (total === 0 || total > MOST_DATA_BYTES) return -1
  if (total > transmitBuffer.bytes.length) {
    transmitBuffer.bytes = new Uint8Array(MOST_DATA_BYTES)
    transmitBuffer.view = new DataView(transmitBuffer.bytes.buffer)
  }
  if (inSection > 0) {
    const { sendBuffer } = ctx.connection
    if (sendBuffer === null || index >= sendBuffer.sections || inSection > sendBuffer.sectionSize) return -1
    if (!ctx.sendGrant?.read(index * sendBuffer.sectionSize, transmitBuffer.bytes.subarray(0, inSection))) return -1
  }
  if (
    beside > 0 &&
    !copyFromRanges(ctx.deps.memory, received.gpaRanges, 0, transmitBuffer.bytes.subarray(inSection, total))
  )
    return -1
  return total
}

/** Sends each frame of the copied message. What stands before a broken message has been sent all the same. */
function sendAll(ctx: FrameReceiver, length: number): number {
  const { view } = ctx.transmitBuffer
  for (let at = 0; at < length;) {
    const left = length - at
    const size = left < RNDIS_HEADER ? 0 : view.getUint32(at + 4, true)
    if (
      size < PACKET_HEADER ||
      size > left ||
      view.getUint32(at, true) !== RndisType.packet ||
      !sendFrame(ctx, at, size)
    ) {
      ctx.statistics.sendErrors++
      return NvspStatus.invalidRndisPacket
    }
    at += size
  }
  return NvspStatus.success
}

/** One RNDIS packet of `size` bytes at `at`, all of them copied. */
function sendFrame(ctx: FrameReceiver, at: number, size: number): boolean {
  const { bytes, view, info, frame } = ctx.transmitBuffer
  const start = readPacketBody(view, at, size, info)
  if (start < 0) return false
  const length = packet.read.data_len(view, at + RNDIS_HEADER)
  frame.bytes = bytes.subarray(start, start + length)
  frame.vlan = info.vlan < 0 ? undefined : vlanOf(info.vlan)
  const offload = offloadOf(info)
  if (offload === INVALID) return false
  frame.offload = offload
  if (ctx.connection.initialized) {
    ctx.statistics.framesSent++
    ctx.statistics.bytesSent += length
    ctx.port.send(frame)
  }
  return true
}

const INVALID: Offload = {}

/** What the guest left to be done. LSO includes the checksums. */
function offloadOf(info: PacketInfo): Offload | undefined {
  if (info.lso >= 0) {
    const segment = lsoMss(info.lso)
    return segment === 0 ? INVALID : { segment }
  }
  if (info.checksum < 0) return undefined
  const ipv4Checksum = (info.checksum & TxChecksum.ipHeader) !== 0
  const transportChecksum = (info.checksum & (TxChecksum.tcp | TxChecksum.udp)) !== 0
  return ipv4Checksum || transportChecksum ? { ipv4Checksum, transportChecksum } : undefined
}
