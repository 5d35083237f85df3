import { copyFromRanges, type GuestChannel, type Packet, type PageRange } from '@vmbus/core'
import { BODY, NvspStatus, NvspType, RECEIVE_BUFFER_ID, messageHeader } from '../protocol/nvsp.ts'
import { readPacketBody } from '../protocol/packet-body.ts'
import { PacketIdFlag, packetInfo, vlanOf } from '../protocol/ppi.ts'
import { RNDIS_HEADER, RndisType, packet } from '../protocol/rndis.ts'
import { PAGE, rangeOf } from './memory.ts'
import { completionMessage } from './send-buffers.ts'
import { diagnose } from './state.ts'
import type { ReceiveBuffers, Receiver } from './types.ts'

/** Descriptor, the 8 bytes of a completion and trailer. */
const ROOM = 16 + 8 + 8
const MOST_COALESCED = 64 * 1024 + 256

/** Each driver has its own: the owner of a frame may receive with another driver before it returns. */
export function createReceiveBuffers(): ReceiveBuffers {
  const bytes = new Uint8Array(2048)
  return {
    info: packetInfo(),
    frame: { bytes, vlan: undefined },
    received: { queue: 0, hash: -1, checksum: 0, fragments: 1 },
    bytes,
    view: new DataView(bytes.buffer),
    coalesced: new Uint8Array(MOST_COALESCED),
    coalescedLength: -1,
    controls: [],
    granted: null,
    ranges: [],
  }
}

/**
 * Completes a received packet. A completion that finds the ring full waits, and the host is read on, as Linux does
 * (netvsc.c, send_recv_completions): it may have to complete a send before it takes anything.
 */
function completeReceive(ctx: Receiver, channel: GuestChannel, low: number, high: number, status: number): void {
  const queue = ctx.state.queues[channel.offer.subchannelIndex]
  const ring = channel.channel
  if (!queue || ring === undefined) return
  const { pendingCompletions } = queue
  if (pendingCompletions.length === 0 && ring.sendCompletion(completionMessage(ctx.sending, status), low, high)) return
  pendingCompletions.push({ low, high, status })
  ring.wantWritable(ROOM)
}

/** Sends the completions that wait; false while the ring is still full. */
export function drainCompletions(ctx: Receiver, channel: GuestChannel): boolean {
  const pending = ctx.state.queues[channel.offer.subchannelIndex]?.pendingCompletions ?? []
  const ring = channel.channel
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    if (ring === undefined || ring.sendCompletion(completionMessage(ctx.sending, next.status), next.low, next.high))
      continue
    pending.unshift(next)
    ring.wantWritable(ROOM)
    return false
  }
  return true
}

/** A host has no more packets with the guest than sub-allocations. */
export const mostPendingCompletions = ({ state: { receive, subAllocation } }: Receiver): number =>
  receive === null || subAllocation === 0 ? 1 : Math.floor((receive.pfns.length * PAGE) / subAllocation)

/** Takes a packet's messages, then gives its sub-allocations back with one status for all. */
export function receivePackets(ctx: Receiver, channel: GuestChannel, given: Packet): void {
  const status = takeRanges(ctx, channel.offer.subchannelIndex, given) ? NvspStatus.success : NvspStatus.fail
  if (status !== NvspStatus.success) {
    ctx.state.statistics.receiveErrors++
    diagnose(ctx, 'VMBUS_NETVSC_RECEIVE', 'receive-message', 'a packet of the host could not be taken')
  }
  completeReceive(ctx, channel, given.transactionLow, given.transactionHigh, status)
}

/** False when a range could not be taken; the others are taken all the same. */
function takeRanges(ctx: Receiver, queue: number, given: Packet): boolean {
  const { receiving } = ctx
  receiving.received.queue = queue
  receiving.coalescedLength = -1
  if (
    given.transferSetId !== RECEIVE_BUFFER_ID ||
    given.payloadLength < BODY ||
    messageHeader.read.msg_type(given.view, given.payloadOffset) !== NvspType.sendRndisPacket
  )
    return false
  let isGood = true
  for (const { byteCount, byteOffset } of given.transferRanges)
    if (!takeMessage(ctx, byteOffset, byteCount)) isGood = false
  // A coalesced packet without its last fragment is no packet.
  return isGood && receiving.coalescedLength < 0
}

/** Copies one RNDIS message of the receive buffer: a frame is handed on, a control message kept for later. */
function takeMessage(ctx: Receiver, offset: number, length: number): boolean {
  const { state, deps, receiving } = ctx
  if (length < RNDIS_HEADER || length > state.subAllocation) return false
  if (length > receiving.bytes.length) {
    receiving.bytes = new Uint8Array(Math.max(length, receiving.bytes.length * 2))
    receiving.view = new DataView(receiving.bytes.buffer)
  }
  const { bytes, view, received, controls } = receiving
  if (!copyFromRanges(deps.memory, bufferRanges(ctx), offset, bytes, length)) return false
  const size = view.getUint32(4, true)
  if (size < RNDIS_HEADER || size > length) return false
  if (view.getUint32(0, true) === RndisType.packet) return takePacket(ctx, size)
  if (received.queue !== 0) return false
  controls.push(bytes.slice(0, size))
  return true
}

/** The receive buffer as ranges to copy from. */
function bufferRanges({ receiving, state: { receive } }: Receiver): readonly PageRange[] {
  if (receiving.granted !== receive) {
    receiving.granted = receive
    receiving.ranges = receive === null ? [] : [rangeOf(receive.pfns, receive.pfns.length * PAGE)]
  }
  return receiving.ranges
}

/** The RNDIS packet that was copied, `size` bytes of it. */
function takePacket(ctx: Receiver, size: number): boolean {
  const { bytes, view, info, received, coalescedLength } = ctx.receiving
  const start = readPacketBody(view, 0, size, info)
  if (start < 0) return false
  const data = bytes.subarray(start, start + packet.read.data_len(view, RNDIS_HEADER))
  if (info.idFlags >= 0) return addFragment(ctx, data)
  if (coalescedLength >= 0) return false
  keepInfo(ctx.receiving)
  received.fragments = 1
  deliver(ctx, data)
  return true
}

function keepInfo({ info, frame, received }: ReceiveBuffers): void {
  frame.vlan = info.vlan < 0 ? undefined : vlanOf(info.vlan)
  received.hash = info.hash
  received.checksum = Math.max(0, info.checksum)
}

/** Of a coalesced packet only the first fragment's infos count. */
function addFragment(ctx: Receiver, data: Uint8Array): boolean {
  const { receiving } = ctx
  const { info, received, coalesced } = receiving
  if (!ctx.state.offload.rsc) return false
  const isFirst = (info.idFlags & PacketIdFlag.first) !== 0
  if (isFirst !== receiving.coalescedLength < 0) return false
  if (isFirst) {
    keepInfo(receiving)
    receiving.coalescedLength = 0
    received.fragments = 0
  }
  const length = receiving.coalescedLength + data.length
  if (length > MOST_COALESCED) return false
  coalesced.set(data, receiving.coalescedLength)
  receiving.coalescedLength = length
  received.fragments++
  if ((info.idFlags & PacketIdFlag.last) === 0) return true
  receiving.coalescedLength = -1
  deliver(ctx, coalesced.subarray(0, length))
  return true
}

function deliver({ state, receiving, options }: Receiver, bytes: Uint8Array): void {
  const { frame, received } = receiving
  const queue = state.queues[received.queue]
  state.statistics.framesReceived++
  state.statistics.bytesReceived += bytes.length
  if (queue) {
    queue.framesReceived++
    queue.bytesReceived += bytes.length
  }
  frame.bytes = bytes
  options.onFrame?.(frame, received)
}
