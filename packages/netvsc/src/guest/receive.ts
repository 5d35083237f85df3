import { copyFromRanges, type GuestChannel, type Packet, type PageRange } from '@vmbus/core'
import type { Frame, VlanTag } from '@vmbus/switch'
import { BODY, NvspStatus, NvspType, RECEIVE_BUFFER_ID, messageHeader } from '../protocol/nvsp.ts'
import { PacketIdFlag, packetInfo, readPacketInfo, vlanOf } from '../protocol/ppi.ts'
import { RNDIS_HEADER, RndisType, packet } from '../protocol/rndis.ts'
import { controlMessage } from './control.ts'
import { receiptMessage } from './sending.ts'
import { diagnose, rangeOf, type GrantedBuffer, type GuestContext } from './state.ts'

/** Descriptor, the 8 bytes of a receipt and trailer. */
const ROOM = 16 + 8 + 8
const MOST_COALESCED = 64 * 1024 + 256

interface ReusedFrame {
  bytes: Uint8Array
  vlan: VlanTag | undefined
}
interface ReusedInfo {
  queue: number
  hash: number
  checksum: number
  fragments: number
}
/**
 * Completes a received packet. A receipt that finds the ring full waits, and the host is read on, as Linux does
 * (netvsc.c, send_recv_completions): it may have to complete a send before it takes anything.
 */
function give(ctx: GuestContext, channel: GuestChannel, low: number, high: number, status: number): void {
  const queue = ctx.state.queues[channel.offer.subchannelIndex]
  const ring = channel.channel
  if (!queue || ring === undefined) return
  if (queue.owed.length === 0 && ring.sendCompletion(receiptMessage(ctx.sending, status), low, high)) return
  queue.owed.push({ low, high, status })
  ring.wantWritable(ROOM)
}

/** Sends the receipts that wait; false while the ring is still full. */
export function giveOwed(ctx: GuestContext, channel: GuestChannel): boolean {
  const owed = ctx.state.queues[channel.offer.subchannelIndex]?.owed ?? []
  const ring = channel.channel
  for (let next = owed.shift(); next !== undefined; next = owed.shift()) {
    if (ring === undefined || ring.sendCompletion(receiptMessage(ctx.sending, next.status), next.low, next.high))
      continue
    owed.unshift(next)
    ring.wantWritable(ROOM)
    return false
  }
  return true
}

/** No host that keeps to its sub-allocations has more packets with the guest. */
export const mostOwed = ({ state: { receive, subAllocation } }: GuestContext): number =>
  receive === null || subAllocation === 0 ? 1 : Math.floor((receive.pfns.length * 4096) / subAllocation)

export interface Receiver {
  /** Takes a packet's messages, then gives its sub-allocations back with one status for all. */
  packet(ctx: GuestContext, channel: GuestChannel, given: Packet): void
  /** Does what the control messages of the packets lead to: after them, as in drivers whose threads wait for an answer. */
  controls(ctx: GuestContext): void
}

/** With buffers of its own: a frame's owner may do anything, also receive with another driver. */
export function createReceiver(): Receiver {
  const info = packetInfo()
  const controls: Uint8Array[] = []
  const received: ReusedInfo = { queue: 0, hash: -1, checksum: 0, fragments: 1 }

  /** Private copy of one sub-allocation. */
  let scratch = new Uint8Array(2048)
  let view = new DataView(scratch.buffer)
  const frame: ReusedFrame & Frame = { bytes: scratch, vlan: undefined }
  /** A coalesced packet as far as its fragments have come; only within one VMBus packet. */
  const coalesced = new Uint8Array(MOST_COALESCED)
  let coalescedLength = -1
  /** The receive buffer as ranges, as far as `granted` is the one in force. */
  let granted: GrantedBuffer | null = null
  let ranges: readonly PageRange[] = []

  function rangesOf({ receive }: GuestContext['state']): readonly PageRange[] {
    if (granted === receive) return ranges
    granted = receive
    ranges = receive === null ? [] : [rangeOf(receive.pfns, receive.pfns.length * 4096)]
    return ranges
  }

  function receivePages(ctx: GuestContext, channel: GuestChannel, given: Packet): void {
    const { subchannelIndex } = channel.offer
    const known =
      given.transferSetId === RECEIVE_BUFFER_ID &&
      given.payloadLength >= BODY &&
      messageHeader.read.msg_type(given.view, given.payloadOffset) === NvspType.sendRndisPacket
    let status: number = known ? NvspStatus.success : NvspStatus.fail
    received.queue = subchannelIndex
    coalescedLength = -1
    if (known) {
      for (const { byteCount, byteOffset } of given.transferRanges) {
        if (!take(ctx, subchannelIndex, byteOffset, byteCount)) status = NvspStatus.fail
      }
      // A coalesced packet without its last fragment is no packet.
      if (coalescedLength >= 0) status = NvspStatus.fail
    }
    if (status !== NvspStatus.success) {
      ctx.state.statistics.receiveErrors++
      diagnose(ctx, 'VMBUS_NETVSC_RECEIVE', 'receive-message', 'a packet of the host could not be taken')
    }
    give(ctx, channel, given.transactionLow, given.transactionHigh, status)
  }

  function handleControls(ctx: GuestContext): void {
    for (let message = controls.shift(); message !== undefined; message = controls.shift()) {
      if (!controlMessage(ctx, message))
        diagnose(ctx, 'VMBUS_NETVSC_CONTROL', 'control-message', 'a control message of the host makes no sense')
    }
  }

  function take(ctx: GuestContext, queue: number, offset: number, length: number): boolean {
    const { state, deps, options } = ctx
    if (length < RNDIS_HEADER || length > state.subAllocation) return false
    if (length > scratch.length) {
      scratch = new Uint8Array(Math.max(length, scratch.length * 2))
      view = new DataView(scratch.buffer)
    }
    if (!copyFromRanges(deps.memory, rangesOf(state), offset, scratch, length)) return false
    const size = view.getUint32(4, true)
    if (size < RNDIS_HEADER || size > length) return false
    if (view.getUint32(0, true) !== RndisType.packet) {
      if (queue === 0) controls.push(scratch.slice(0, size))
      return queue === 0
    }
    if (size < RNDIS_HEADER + packet.size) return false
    const room = size - RNDIS_HEADER
    const dataOffset = packet.read.data_offset(view, RNDIS_HEADER)
    const dataLength = packet.read.data_len(view, RNDIS_HEADER)
    const infoOffset = packet.read.per_pkt_info_offset(view, RNDIS_HEADER)
    const infoLength = packet.read.per_pkt_info_len(view, RNDIS_HEADER)
    if (dataOffset > room || dataLength > room - dataOffset) return false
    if (infoLength > 0 && (infoOffset < packet.size || infoOffset > room || infoLength > room - infoOffset))
      return false
    if (!readPacketInfo(view, RNDIS_HEADER + infoOffset, infoLength, info)) return false
    const data = scratch.subarray(RNDIS_HEADER + dataOffset, RNDIS_HEADER + dataOffset + dataLength)
    if (info.idFlags < 0) {
      if (coalescedLength >= 0) return false
      remember()
      received.fragments = 1
      return hand(ctx, options, data)
    }
    return fragment(ctx, data)
  }

  /** Of a coalesced packet only the first fragment's infos count. */
  function remember(): void {
    frame.vlan = info.vlan < 0 ? undefined : vlanOf(info.vlan)
    received.hash = info.hash
    received.checksum = Math.max(0, info.checksum)
  }

  function fragment(ctx: GuestContext, data: Uint8Array): boolean {
    if (!ctx.state.offload.rsc) return false
    const first = (info.idFlags & PacketIdFlag.first) !== 0
    if (first !== coalescedLength < 0) return false
    if (first) {
      remember()
      coalescedLength = 0
      received.fragments = 0
    }
    if (coalescedLength + data.length > MOST_COALESCED) return false
    coalesced.set(data, coalescedLength)
    coalescedLength += data.length
    received.fragments++
    if ((info.idFlags & PacketIdFlag.last) === 0) return true
    const length = coalescedLength
    coalescedLength = -1
    return hand(ctx, ctx.options, coalesced.subarray(0, length))
  }

  function hand(ctx: GuestContext, options: GuestContext['options'], bytes: Uint8Array): boolean {
    const { statistics, queues } = ctx.state
    const queue = queues[received.queue]
    statistics.framesReceived++
    statistics.bytesReceived += bytes.length
    if (queue) {
      queue.framesReceived++
      queue.bytesReceived += bytes.length
    }
    frame.bytes = bytes
    options.onFrame?.(frame, received)
    return true
  }

  return { packet: receivePages, controls: handleControls }
}
