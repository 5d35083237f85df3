import { Rx, RxStatus, Tx, type RingFault } from '../ring/index.ts'
import type { PacketBuffer, PacketParser } from './packet.ts'
import type { ChannelState } from './state.ts'
import type { ChannelOptions } from './types.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** What the directions of a channel's end share. `state` and the rings' indices are all that is saved. */
export interface ChannelContext extends PacketParser {
  readonly options: ChannelOptions
  readonly state: Mutable<Omit<ChannelState, 'out' | 'in'>>
  readonly tx: Tx
  readonly rx: Rx
  /** Infinity where any length that fits is taken. */
  readonly maxPacket: number
  /** What was sent last, as it is traced. */
  readonly copied: PacketBuffer
}

export function fail({ options, state }: ChannelContext, code: string, message: string, branch?: string): void {
  if (!state.isOpen) return
  state.isOpen = false
  state.failure = code
  const { relid, subchannelIndex } = options.offer
  const detail = { relid, subchannelIndex, ...(branch !== undefined && { branch }) }
  options.diagnose?.({ code, source: `channel/${options.role}`, message, detail })
}

export function failRing(ctx: ChannelContext, fault: RingFault | 'read-index'): void {
  fail(ctx, 'VMBUS_RING_CORRUPT', `the peer broke its ring: ${fault}`, fault)
}

export function isReadable(ctx: ChannelContext): boolean {
  if (!ctx.state.isOpen) return false
  const status = ctx.rx.next()
  if (status === RxStatus.corrupt) failRing(ctx, ctx.rx.fault ?? 'write-index')
  return status === RxStatus.packet
}

/** Bytes that fit, 0 on a ring that is broken now. */
export function writableBytes(ctx: ChannelContext): number {
  if (!ctx.state.isOpen) return 0
  const bytes = ctx.tx.writable()
  if (bytes >= 0) return bytes
  failRing(ctx, 'read-index')
  return 0
}
