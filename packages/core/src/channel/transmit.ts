import { TxStatus } from '../ring/index.ts'
import { fail, failRing, writableBytes, type ChannelContext } from './context.ts'
import { holdBytes } from './packet.ts'

export function publish({ tx, state, options }: ChannelContext): void {
  if (!state.corked && tx.publish()) options.signal()
}

/**
 * The host sees both directions, so its trace is the whole transcript: what a real guest reads is recorded as it is
 * sent. A guest's trace has what it receives.
 */
function traceSent({ tx, copied, options }: ChannelContext): void {
  holdBytes(copied, tx.lastLength)
  tx.copyLast(copied.bytes, copied.words)
  options.trace?.({
    kind: 'packet',
    to: 'guest',
    relid: options.offer.relid,
    bytes: copied.bytes.subarray(0, tx.lastLength),
  })
}

/** What a sender answers. */
export function sent(ctx: ChannelContext, status: TxStatus): boolean {
  const { options, tx } = ctx
  if (status === TxStatus.written) {
    if (options.trace !== undefined && options.role === 'host') traceSent(ctx)
    publish(ctx)
    return true
  }
  if (status === TxStatus.corrupt) failRing(ctx, 'read-index')
  else if (status === TxStatus.tooLarge)
    fail(ctx, 'VMBUS_PACKET_TOO_LARGE', `a packet to send never fits a ring of ${tx.size} bytes`, 'send-too-large')
  return false
}

export function wantWritable(ctx: ChannelContext, bytes: number): void {
  const { options, state, tx } = ctx
  if (!state.isOpen) return
  const rounded = (bytes + 7) & ~7
  if (rounded >= tx.size) {
    sent(ctx, TxStatus.tooLarge)
    return
  }
  state.wanted = rounded
  if (options.permanentPending === undefined) tx.setPending(rounded)
  // The peer may have read just before it could see the request.
  if (writableBytes(ctx) >= rounded) options.due?.()
}

export function takeWritable(ctx: ChannelContext): boolean {
  const { options, state, tx } = ctx
  if (state.wanted === 0 || writableBytes(ctx) < state.wanted) return false
  state.wanted = 0
  if (options.permanentPending === undefined) tx.setPending(0)
  return true
}
