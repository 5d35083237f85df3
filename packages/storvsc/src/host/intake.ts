import { PacketType, type Channel, type Packet } from '@vmbus/core'
import {
  DataIn,
  HEADER_BYTES,
  NtStatus,
  Operation,
  PACKET_BYTES,
  PACKET_BYTES_V1,
  RING_BYTES,
  vmscsiRequest,
  vstorPacket,
} from '../protocol/index.ts'
import type { StorvscHostReject } from '../rejects.ts'
import type { HostContext } from './context.ts'
import { execute } from './execute.ts'
import { setup } from './setup.ts'

/** Requests that may wait for their disks; more stay in the ring. */
const MAX_PENDING = 1024
/** Packet flag of the ring: the sender waits for a completion. */
const COMPLETION_WANTED = 1
const at = vmscsiRequest.offsets

const refuse = (channel: Channel, branch: StorvscHostReject, message: string): void =>
  channel.fail('VMBUS_STORVSC_PACKET', message, branch)

/** The range and the length have to agree, or the guest is not to be talked to (OpenVMM storvsp, Range::new). */
function handleRequest(ctx: HostContext, channel: Channel, packet: Packet): void {
  const { reply } = ctx
  const { view, payloadOffset, gpaRanges } = packet
  const body = payloadOffset + HEADER_BYTES
  if (reply.bytes < PACKET_BYTES_V1) return refuse(channel, 'request-short', `a request of ${reply.bytes} bytes`)
  const length = view.getUint32(body + at.dataTransferLength, true)
  const [range] = gpaRanges
  if (gpaRanges.length > 1 || (length > 0 && (range?.byteCount ?? 0) < length))
    return refuse(channel, 'request-ranges', `${gpaRanges.length} ranges for ${length} bytes`)
  ctx.buffer.bind(length > 0 ? range : undefined, length, view.getUint8(body + at.dataIn) !== DataIn.write)
  execute(ctx, channel, reply, view, body)
}

const RESETS: readonly number[] = [Operation.resetLun, Operation.resetAdapter, Operation.resetBus]

function handle(ctx: HostContext, channel: Channel, packet: Packet): void {
  const { reply, packets, state } = ctx
  const { view, payloadOffset, payloadLength } = packet
  const isRequest = packet.type === PacketType.inBand || packet.type === PacketType.gpaDirect
  if (!isRequest || (packet.flags & COMPLETION_WANTED) === 0)
    return refuse(channel, 'message-type', `a packet of type ${packet.type} and flags ${packet.flags}`)
  if (payloadLength < HEADER_BYTES + 4) return refuse(channel, 'message-short', `${payloadLength} bytes of payload`)
  reply.low = packet.transactionLow
  reply.high = packet.transactionHigh
  reply.bytes = Math.min(payloadLength, PACKET_BYTES)
  const operation = view.getUint32(payloadOffset + vstorPacket.offsets.operation, true)
  if (operation === Operation.executeSrb) {
    if (state.phase === 'ready') handleRequest(ctx, channel, packet)
    else packets.send(channel, reply, NtStatus.invalidDeviceState)
    return
  }
  // Resets have never done anything; what is in flight ends as it would have.
  if (RESETS.includes(operation)) {
    packets.send(channel, reply, state.phase === 'ready' ? NtStatus.success : NtStatus.invalidDeviceState)
    return
  }
  const body = payloadOffset + HEADER_BYTES
  const request = new DataView(view.buffer, view.byteOffset + body, payloadLength - HEADER_BYTES)
  const known = operation >= Operation.beginInitialization && operation <= Operation.createSubChannels
  const isControl = channel.subchannelIndex === 0
  const status =
    known && !isControl
      ? NtStatus.invalidDeviceState
      : setup(state, ctx.setup, operation, request, packets.body, ctx.effects)
  if (status === undefined) return refuse(channel, 'operation', `operation ${operation}`)
  if (operation === Operation.endInitialization && status === NtStatus.success) ctx.again = true
  packets.send(channel, reply, status)
}

/** Is there room for one more reply? If not, the channel asks for it. */
function hasRoom(channel: Channel): boolean {
  if (channel.writableBytes >= RING_BYTES) return true
  channel.wantWritable(RING_BYTES)
  // Room may have come between.
  return channel.writableBytes >= RING_BYTES
}

/** Takes requests while there is room for a reply to each, so that none has to be remembered unanswered. */
function take(ctx: HostContext, channel: Channel): void {
  // Sub-channels wait for the end of initialisation.
  if (channel.subchannelIndex > 0 && ctx.state.phase !== 'ready') return
  channel.cork()
  while (channel.isOpen && ctx.state.pending.length < MAX_PENDING && hasRoom(channel)) {
    const packet = channel.receive()
    if (packet === undefined) break
    handle(ctx, channel, packet)
  }
  channel.uncork()
}

function takeAll(ctx: HostContext): void {
  ctx.again = false
  for (const channel of ctx.channels.values()) if (channel.isOpen && channel.readable) take(ctx, channel)
}

/** One request at a time: what an owner or the guest does in answer may bring more, which are taken afterwards. */
export function pump(ctx: HostContext, channel: Channel): void {
  if (ctx.busy) {
    ctx.again = true
    return
  }
  ctx.busy = true
  try {
    take(ctx, channel)
    while (ctx.again) takeAll(ctx)
  } finally {
    ctx.busy = false
  }
}

export function pumpAll(ctx: HostContext): void {
  for (const channel of ctx.channels.values()) if (channel.isOpen && channel.readable) pump(ctx, channel)
}
