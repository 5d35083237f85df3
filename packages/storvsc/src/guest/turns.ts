import { PacketType, type Channel, type Packet } from '@vmbus/core'
import { Operation, PACKET_BYTES_V1, vstorPacket } from '../protocol/index.ts'
import type { StorvscGuestReject } from '../rejects.ts'
import type { GuestContext } from './context.ts'
import { complete, dispatch } from './requests.ts'
import { scanAll } from './scan.ts'
import { onSetupReply } from './setup.ts'
import { ID_HIGH, INIT_LOW, RESET_LOW } from './wire.ts'

// Whoever sends may find, before the call returns, that the host has run and the guest has been interrupted (README of
// @vmbus/hypervisor). What comes then waits until the driver has finished: no reply comes before its
// request was recorded, and an owner that makes a request at each completion does not grow the stack.

/** Does what the bus asks for, then reads what came meanwhile. */
export function turn(ctx: GuestContext, act: () => void): void {
  if (ctx.busy) return act()
  ctx.busy = true
  try {
    act()
    readRest(ctx)
  } finally {
    ctx.busy = false
  }
}

/** Does what the owner asks for. Ends of requests are reported from a timer: the owner does not know their ids yet. */
export function call<T>(ctx: GuestContext, act: () => T): T {
  if (ctx.busy) return act()
  ctx.busy = true
  try {
    return act()
  } finally {
    ctx.busy = false
    if (ctx.state.unread) ctx.deps.timers.set('ended', ctx.deps.clock.now())
  }
}

/**
 * Does what the owner asks for, and shows the host what was sent meanwhile only then: one signal and one interrupt for all, as
 * the plug of Linux's block layer has it (a quarter of a read at depth 32).
 */
export function plugged(ctx: GuestContext, work: () => void): void {
  call(ctx, () => {
    const corked = [...ctx.channels.values()].flatMap(({ channel }) => channel ?? [])
    for (const channel of corked) channel.cork()
    try {
      work()
    } finally {
      for (const channel of corked) channel.uncork()
    }
  })
}

/** The host signalled. */
export function readable(ctx: GuestContext, channel: Channel): void {
  if (ctx.busy) {
    ctx.state.unread = true
    return
  }
  turn(ctx, () => read(ctx, channel))
}

function readRest(ctx: GuestContext): void {
  while (ctx.state.unread) {
    ctx.state.unread = false
    for (const { channel } of ctx.channels.values()) if (channel !== undefined) read(ctx, channel)
  }
}

function read(ctx: GuestContext, channel: Channel): void {
  for (let packet = channel.receive(); packet !== undefined; packet = channel.receive()) take(ctx, channel, packet)
  // Completions are room and ids.
  dispatch(ctx)
}

function take(ctx: GuestContext, channel: Channel, packet: Packet): void {
  if (packet.type === PacketType.inBand) return unsolicited(ctx, packet)
  if (packet.transactionHigh !== ID_HIGH) return complete(ctx, channel, packet)
  if (packet.transactionLow === RESET_LOW) {
    ctx.state.resetting = false
    return
  }
  if (packet.transactionLow === INIT_LOW && channel.subchannelIndex === 0 && packet.payloadLength >= PACKET_BYTES_V1)
    return onSetupReply(ctx, packet)
  complete(ctx, channel, packet)
}

function unsolicited(ctx: GuestContext, packet: Packet): void {
  const operation =
    packet.payloadLength >= 4 ? packet.view.getUint32(packet.payloadOffset + vstorPacket.offsets.operation, true) : 0
  if (operation === Operation.enumerateBus || operation === Operation.removeDevice) {
    if (ctx.state.phase !== 'ready') return
    if (ctx.scans) scanAll(ctx)
    ctx.busChanged()
    return
  }
  ctx.deps.diagnose({
    code: 'VMBUS_STORVSC_UNSOLICITED',
    source: 'storvsc',
    message: 'an operation that a host does not begin',
    detail: { branch: 'operation' satisfies StorvscGuestReject, operation },
  })
}
