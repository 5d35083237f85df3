import { RxStatus } from '../ring/index.ts'
import type { Packet } from '../types.ts'
import { fail, failRing, type ChannelContext } from './context.ts'
import { holdBytes } from './packet.ts'
import { FLAG_COMPLETION_REQUESTED } from './send.ts'

/** The next packet that its reader is to see; the same object each time. */
export function receive(ctx: ChannelContext): Packet | undefined {
  const { rx, state, maxPacket } = ctx
  while (state.isOpen) {
    const status = rx.next()
    if (status === RxStatus.empty) return undefined
    if (status === RxStatus.corrupt) {
      failRing(ctx, rx.fault ?? 'write-index')
      return undefined
    }
    if (rx.length > maxPacket) {
      const message = `a packet of ${rx.length} bytes, where ${maxPacket} are the limit`
      fail(ctx, 'VMBUS_PACKET_TOO_LONG', message, 'packet-limit')
      return undefined
    }
    if (take(ctx)) return ctx.packet
  }
  return undefined
}

/** Copies the packet out and gives its room back. False for one that is ignored or fails the channel. */
function take(ctx: ChannelContext): boolean {
  const { rx, packet, options } = ctx
  holdBytes(packet, rx.length)
  rx.copy(packet.bytes, packet.words)
  packet.type = rx.type
  packet.flags = rx.flags
  packet.transactionLow = rx.transactionLow
  packet.transactionHigh = rx.transactionHigh
  packet.payloadOffset = rx.payloadOffset
  packet.payloadLength = rx.length - rx.payloadOffset
  const { length } = rx
  rx.consume()
  if (rx.release()) options.signal()
  options.trace?.({
    kind: 'packet',
    to: options.role,
    relid: options.offer.relid,
    bytes: packet.bytes.subarray(0, length),
  })
  const fault = packet.flags & ~FLAG_COMPLETION_REQUESTED ? 'packet-flags' : ctx.parse()
  if (fault === undefined) return true
  if (options.unknown === 'ignore' && (fault === 'packet-flags' || fault === 'packet-type'))
    return fault === 'packet-flags' && ctx.parse() === undefined
  const message = `the peer sent a packet of type ${packet.type}, flags ${packet.flags}: ${fault}`
  fail(ctx, 'VMBUS_PACKET_INVALID', message, fault)
  return false
}
