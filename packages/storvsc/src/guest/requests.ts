import type { Channel, Packet } from '@vmbus/core'
import {
  HEADER_BYTES,
  Op,
  PACKET_BYTES_V1,
  SENSE_BYTES_V1,
  SrbStatus,
  srbCode,
  vstorFeatures,
  type VstorFeatures,
} from '../protocol/index.ts'
import type { StorvscGuestReject } from '../rejects.ts'
import type { GuestContext } from './context.ts'
import { resultOf, unanswered, unitChanged, type RequestOutcome, type RequestResult } from './result.ts'
import type { RequestRecord } from './state.ts'

const V5_1 = 0x0501
/** Descriptor, range and trailer of a GPA-direct packet, beside its page numbers and its payload. */
const PACKET_OVERHEAD = 16 + 16 + 8

export const featuresOf = (ctx: GuestContext): VstorFeatures | undefined => vstorFeatures(ctx.state.version)

/** Takes a request over; it is sent now or as soon as it can be. */
export function accept(ctx: GuestContext, request: RequestRecord): void {
  const { state } = ctx
  if (state.phase === 'failed') return endLater(ctx, request, 'error')
  state.queue.push(request)
  dispatch(ctx)
}

/** The owner hears of it from a timer, never within its own call. */
function endLater(ctx: GuestContext, request: RequestRecord, outcome: RequestOutcome): void {
  ctx.state.ended.push({ request, result: unanswered(outcome) })
  ctx.deps.timers.set('ended', ctx.deps.clock.now())
}

export function reportEnded(ctx: GuestContext): void {
  const { ended } = ctx.state
  ctx.state.ended = []
  for (const { request, result } of ended) end(ctx, request, result)
}

/** The one way in which a request ends. */
function end(ctx: GuestContext, request: RequestRecord, result: RequestResult): void {
  ctx.deps.pages.free(request.pages)
  if (request.own) ctx.scanned(request, result)
  else ctx.completed(request.id, result)
}

/** Too long for the controller, or a command that hosts up to version 5.1 do not know (Linux storvsc_drv.c, storvsc_scsi_cmd_ok). */
function refused(ctx: GuestContext, { cdb, buffer }: RequestRecord): boolean {
  const old = ctx.state.version <= V5_1 && (cdb[0] === Op.writeSame10 || cdb[0] === Op.setWindow)
  return old || (buffer?.byteCount ?? 0) > ctx.state.maxTransferBytes
}

/** Sends what waits while there are ids and room: a full ring delays a request and never loses it. */
export function dispatch(ctx: GuestContext): void {
  const { state, requests } = ctx
  while (state.phase === 'ready' && requests.size < requests.depth) {
    // Off the queue first: sending may let the host, and then the owner, come back in here.
    const request = state.queue.shift()
    if (request === undefined) return
    if (refused(ctx, request)) endLater(ctx, request, 'refused')
    else if (!send(ctx, request)) return void state.queue.unshift(request)
  }
}

/** In one list for all requests: whoever sends over one of them looks no further. */
function openChannels({ channels, open }: GuestContext): readonly Channel[] {
  while (open.length > 0) open.pop()
  for (const { channel } of channels.values()) if (channel?.isOpen === true) open.push(channel)
  return open
}

function send(ctx: GuestContext, request: RequestRecord): boolean {
  const open = openChannels(ctx)
  if (open.length === 0) return false
  const { packetBytes, senseBytes } = featuresOf(ctx) ?? { packetBytes: PACKET_BYTES_V1, senseBytes: SENSE_BYTES_V1 }
  const payload = ctx.packets.request(request, packetBytes, ctx.port(), senseBytes)
  if (sendOver(ctx, open, request, payload)) return true
  if (!ctx.behaviour.asksForRoom) return false
  const need = PACKET_OVERHEAD + (request.buffer?.pfns.length ?? 0) * 8 + payload.length
  for (const channel of open) channel.wantWritable(need)
  // Room may have come between.
  return open.some((channel) => channel.writableBytes >= need) && sendOver(ctx, open, request, payload)
}

/** Over the first channel that has room, beginning with the caller's own or the next in turn. */
function sendOver(ctx: GuestContext, open: readonly Channel[], request: RequestRecord, payload: Uint8Array): boolean {
  const { state, requests } = ctx
  const { rotor } = state
  const start = request.vp ?? rotor
  const id = requests.begin(request)
  state.rotor = (rotor + 1) % open.length
  for (let index = 0; index < open.length; index++) {
    const channel = open[(start + index) % open.length]
    if (channel === undefined) continue
    request.channel = channel.subchannelIndex
    if (put(ctx, channel, request, payload, id)) return true
  }
  requests.undo(id)
  state.rotor = rotor
  request.channel = -1
  return false
}

function put(
  { ranges }: GuestContext,
  channel: Channel,
  { buffer }: RequestRecord,
  payload: Uint8Array,
  id: number,
): boolean {
  if (buffer === null || buffer.byteCount === 0) return channel.sendInBand(payload, id, 0, true)
  ranges[0] = buffer
  return channel.sendGpaDirect(ranges, payload, id, 0)
}

/** A completion of a request. What no request waits for is dropped and recorded. */
export function complete(ctx: GuestContext, channel: Channel, packet: Packet): void {
  const { state, behaviour, requests } = ctx
  const id = packet.transactionLow
  const request = packet.transactionHigh === 0 ? requests.get(id) : undefined
  const least = featuresOf(ctx)?.packetBytes ?? PACKET_BYTES_V1
  const isAsked = request?.channel === channel.subchannelIndex
  if (request === undefined || !isAsked || packet.payloadLength < least) {
    const branch: StorvscGuestReject = isAsked ? 'message-short' : 'completion-unasked'
    ctx.deps.diagnose({
      code: 'VMBUS_STORVSC_COMPLETION',
      source: 'storvsc',
      message: 'a completion that no request waits for, or that is too short',
      detail: { branch, id, length: packet.payloadLength },
    })
    return
  }
  const { path, target, lun } = request
  requests.end(id)
  const result = resultOf(
    packet.view,
    packet.payloadOffset + HEADER_BYTES,
    request.cdb[0] ?? 0,
    request.buffer?.byteCount ?? 0,
    behaviour,
  )
  if (srbCode(result.srbStatus) === SrbStatus.invalidLun) ctx.unitGone({ path, target, lun })
  if (unitChanged(result)) {
    ctx.unitChanged({ path, target, lun })
    if (request.tries < behaviour.requeues) {
      request.tries++
      request.channel = -1
      state.queue.unshift(request)
      return
    }
  }
  end(ctx, request, result)
}

/** Ends what is in flight on a channel, or all of it. */
export function abort(ctx: GuestContext, subchannelIndex: number | undefined, outcome: RequestOutcome): void {
  const { requests } = ctx
  requests.each((request, id) => {
    if (subchannelIndex !== undefined && request.channel !== subchannelIndex) return
    requests.end(id)
    end(ctx, request, unanswered(outcome))
  })
}

/** Ends what was not sent yet. */
export function drop(ctx: GuestContext, outcome: RequestOutcome): void {
  const { queue } = ctx.state
  ctx.state.queue = []
  for (const request of queue) end(ctx, request, unanswered(outcome))
}
