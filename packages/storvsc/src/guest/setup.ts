import type { Packet } from '@vmbus/core'
import {
  HEADER_BYTES,
  NtStatus,
  Operation,
  PROPERTY_MULTI_CHANNEL,
  channelProperties,
  fcWwnPacket,
  protocolVersion,
  vstorPacket,
} from '../protocol/index.ts'
import type { StorvscGuestReject } from '../rejects.ts'
import type { GuestContext } from './context.ts'
import { dispatch, drop, featuresOf } from './requests.ts'
import { scanAll } from './scan.ts'
import { ID_HIGH, INIT_LOW } from './wire.ts'
import type { DriverPhase } from './state.ts'

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** The first packet of a new channel. */
export function begin(ctx: GuestContext): void {
  ctx.state.attempt = 0
  ctx.state.version = 0
  enter(ctx, 'begin')
}

const OPERATION: Partial<Record<DriverPhase, number>> = {
  begin: Operation.beginInitialization,
  version: Operation.queryProtocolVersion,
  properties: Operation.queryProperties,
  fchba: Operation.fchbaData,
  end: Operation.endInitialization,
  subchannels: Operation.createSubChannels,
}

function enter(ctx: GuestContext, phase: DriverPhase): void {
  const { state, deps, behaviour } = ctx
  state.phase = phase
  state.deadline = deps.clock.now() + behaviour.setupTimeout
  deps.timers.set('setup', state.deadline)
  sendSetup(ctx)
}

const wantedSubchannels = (ctx: GuestContext): number => Math.min(ctx.subchannels, ctx.state.maxSubchannels)

/** Sends the packet of the phase; `unsent` until the ring has room for it. */
export function sendSetup(ctx: GuestContext): void {
  const { state, behaviour } = ctx
  const operation = OPERATION[state.phase]
  const channel = ctx.channels.get(0)?.channel
  if (operation === undefined || channel === undefined) return
  const bytes = featuresOf(ctx)?.packetBytes ?? behaviour.firstPacketBytes
  const payload = ctx.packets.control(operation, bytes, (body) => {
    if (state.phase === 'version') protocolVersion.write.majorMinor(body, 0, ctx.versions[state.attempt] ?? 0)
    if (state.phase === 'subchannels') body.setUint16(0, wantedSubchannels(ctx), true)
  })
  state.unsent = false
  if (channel.sendInBand(payload, INIT_LOW, ID_HIGH, true)) return
  state.unsent = true
  channel.wantWritable(payload.length + 24)
}

/** A reply to a set-up packet. Guests look at the operation and at the status. */
export function onSetupReply(ctx: GuestContext, packet: Packet): void {
  const { state } = ctx
  const { view, payloadOffset } = packet
  const good = view.getUint32(payloadOffset + vstorPacket.offsets.operation, true) === Operation.completeIo
  const status = view.getUint32(payloadOffset + vstorPacket.offsets.status, true)
  const body = payloadOffset + HEADER_BYTES
  const accepted = good && status === NtStatus.success
  switch (state.phase) {
    case 'begin':
      return accepted ? enter(ctx, 'version') : fail(ctx, 'begin', status)
    case 'version':
      if (accepted) {
        state.version = ctx.versions[state.attempt] ?? 0
        return enter(ctx, 'properties')
      }
      state.attempt++
      return good && state.attempt < ctx.versions.length ? enter(ctx, 'version') : fail(ctx, 'version', status)
    case 'properties':
      if (!accepted) return fail(ctx, 'properties', status)
      takeProperties(ctx, view, body)
      if (ctx.kind === 'fc' && ctx.asksNames) return enter(ctx, 'fchba')
      return afterProperties(ctx)
    case 'fchba':
      if (!accepted) return fail(ctx, 'fchba', status)
      state.portName = hex(fcWwnPacket.read.primaryPortWwn(view, body))
      state.nodeName = hex(fcWwnPacket.read.primaryNodeWwn(view, body))
      return afterProperties(ctx)
    case 'subchannels':
      // Without them there is still the primary channel.
      return ctx.behaviour.subchannelsFirst ? enter(ctx, 'end') : ready(ctx)
    case 'end':
      if (!accepted) return fail(ctx, 'end', status)
      return wantedSubchannels(ctx) > 0 && !ctx.behaviour.subchannelsFirst ? enter(ctx, 'subchannels') : ready(ctx)
    default:
      ctx.deps.diagnose({
        code: 'VMBUS_STORVSC_COMPLETION',
        source: 'storvsc',
        message: 'an answer to a set-up packet that was not sent',
        detail: { branch: 'setup-unasked' satisfies StorvscGuestReject, phase: state.phase },
      })
  }
}

function takeProperties({ state }: GuestContext, view: DataView, body: number): void {
  const multiChannel = (channelProperties.read.flags(view, body) & PROPERTY_MULTI_CHANNEL) !== 0
  state.maxSubchannels = multiChannel ? channelProperties.read.maxChannelCount(view, body) : 0
  state.maxTransferBytes = channelProperties.read.maxTransferBytes(view, body)
}

const afterProperties = (ctx: GuestContext): void =>
  enter(ctx, ctx.behaviour.subchannelsFirst && wantedSubchannels(ctx) > 0 ? 'subchannels' : 'end')

function ready(ctx: GuestContext): void {
  const { state, deps } = ctx
  state.phase = 'ready'
  state.deadline = Infinity
  deps.timers.clear('setup')
  deps.event('ready', { version: state.version })
  if (ctx.scans) scanAll(ctx)
  ctx.ready()
  dispatch(ctx)
}

/** The controller cannot be used: everything that waits for it ends. */
export function fail(ctx: GuestContext, step: string, status: number): void {
  const { state, deps } = ctx
  state.phase = 'failed'
  state.deadline = Infinity
  state.unsent = false
  deps.timers.clear('setup')
  deps.event('failed', { step, status })
  drop(ctx, 'error')
}
