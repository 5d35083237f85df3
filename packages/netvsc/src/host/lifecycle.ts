import { PacketType, type Channel } from '@vmbus/core'
import { DataPath } from '../protocol/nvsp.ts'
import { endBatch } from './batch.ts'
import { announceSendTable, forgetReceiveBuffer, forgetSendBuffer, request } from './negotiation.ts'
import { drain, dropFrames, eachFilled, queueOf } from './queue.ts'
import { removeWhenIdle } from './removal.ts'
import { noConnection, violation } from './state.ts'
import type { HostContext } from './types.ts'
import { setDataPath } from './vf.ts'

/** STATUS_INVALID_PARAMETER. */
const STATUS_INVALID = 0xc000_000d

/** The guest opens a channel; returns the status. */
export function open(ctx: HostContext, channel: Channel): number {
  const index = channel.subchannelIndex
  if (index === 0) {
    forget(ctx)
    ctx.slot.take(ctx.adapter)
  } else if (index > ctx.connection.subchannels) return STATUS_INVALID
  ctx.channels[index] = channel
  announceSendTable(ctx)
  return 0
}

/** Takes packets while their answers fit; what is left waits for room. */
export function readable(ctx: HostContext, channel: Channel): void {
  // Frames that come meanwhile leave together at the end, and so do those that go to others.
  ctx.batching++
  try {
    ctx.port.burst(() => takePackets(ctx, channel))
  } finally {
    endBatch(ctx)
  }
}

function takePackets(ctx: HostContext, channel: Channel): void {
  channel.cork()
  const queue = queueOf(ctx, channel.subchannelIndex)
  while (queue.completion === null) {
    const packet = channel.receive()
    if (packet === undefined) break
    if (packet.type === PacketType.completion) onCompletion(ctx, channel, packet.transactionLow, packet.transactionHigh)
    else request(ctx, channel, packet)
  }
  channel.uncork()
}

function onCompletion({ sections }: HostContext, channel: Channel, low: number, high: number): void {
  // Association messages may be completed: OpenVMM asks for it, Linux never does it. And after a revoke nothing is missed.
  if (sections === undefined || high !== 0) return
  if (sections.complete(channel.subchannelIndex, low - 1) === 0)
    violation(channel, 'completion-unasked', `a completion of packet ${low}, which the guest does not have`)
}

/** There is room for what waited, then for what was not taken because of it. */
export function writable(ctx: HostContext, channel: Channel): void {
  if (drain(ctx, channel)) readable(ctx, channel)
}

export function close(ctx: HostContext, channel: Channel): void {
  const index = channel.subchannelIndex
  if (ctx.channels[index] !== channel) return
  ctx.channels[index] = undefined
  if (index === 0) {
    forget(ctx)
    return removeWhenIdle(ctx)
  }
  ctx.sections?.reclaim(index)
  const queue = ctx.connection.queues[index]
  if (queue) eachFilled(queue, (section) => ctx.sections?.drop(section))
  ctx.connection.queues[index] = null
  ctx.connection.tableSent = false
}

/** Forgets all that a guest has set. */
function forget(ctx: HostContext): void {
  setDataPath(ctx, DataPath.synthetic)
  forgetReceiveBuffer(ctx)
  forgetSendBuffer(ctx)
  ctx.connection = noConnection(ctx.permanentMac)
  ctx.channels = []
}

export function gpadlGone(ctx: HostContext, gpadl: number): void {
  if (ctx.connection.receiveBuffer?.gpadl === gpadl) forgetReceiveBuffer(ctx)
  if (ctx.connection.sendBuffer?.gpadl === gpadl) forgetSendBuffer(ctx)
}

export function rescinded(ctx: HostContext): void {
  ctx.rescinded = true
  ctx.slot.release(ctx.adapter)
  dropFrames(ctx)
}
