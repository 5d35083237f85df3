import type { Channel, TransferRange } from '@vmbus/core'
import type { Sender } from './types.ts'

/** Tells of RNDIS bytes that a packet named: those of pages and sections, which no ring carries. */
export function traceTransfer({ deps }: Sender, channel: Channel, to: 'host' | 'guest', bytes: Uint8Array): void {
  deps.trace?.({ kind: 'transfer', to, relid: channel.offer.relid, format: 'rndis', bytes })
}

/** What the ranges of a packet to the guest hold, each as one message. */
export function traceRanges(ctx: Sender, channel: Channel, ranges: readonly TransferRange[]): void {
  for (const { byteOffset, byteCount } of ranges) {
    const bytes = new Uint8Array(byteCount)
    if (ctx.receiveGrant?.read(byteOffset, bytes)) traceTransfer(ctx, channel, 'guest', bytes)
  }
}
