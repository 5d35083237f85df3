import type { Channel } from '@vmbus/core'
import {
  Indication,
  RNDIS_HEADER,
  RndisStatus,
  RndisType,
  initializeComplete,
  initializeRequest,
  indicateStatus,
  keepaliveComplete,
  queryComplete,
  queryRequest,
  resetComplete,
  setComplete,
} from '../protocol/rndis.ts'
import { Oid } from '../protocol/oids.ts'
import { offloadBytes, offloadRevision } from './offload.ts'
import { query } from './query.ts'
import { drain, queueOf } from './queue.ts'
import { set } from './set.ts'
import { diagnose, violation } from './state.ts'
import type { RndisControl } from './types.ts'
import { announceVf } from './vf.ts'

/** What INITIALIZE_CMPLT says (OpenVMM netvsp): messages per packet, bytes, alignment as a power of two. */
const MOST_PACKETS = 8
const MOST_TRANSFER = 0xefff_ffff
const ALIGNMENT = 3
/** Answers that may wait for a section; a guest with so many requests under way gets no answer to more. */
const MOST_WAITING = 64

/** A control message of the guest, in a private copy. */
export function control(ctx: RndisControl, channel: Channel, message: Uint8Array): void {
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  if (message.length < RNDIS_HEADER + 4) return violation(channel, 'control-short', 'a control message without a body')
  // The message's own length says nothing: firmware and old drivers leave it 0 (OpenVMM netvsp does not look at it either).
  const type = view.getUint32(0, true)
  const req_id = view.getUint32(RNDIS_HEADER, true)
  const status = RndisStatus.success
  switch (type) {
    case RndisType.initialize:
      return initialize(ctx, channel, view)
    case RndisType.halt:
      ctx.connection.initialized = false
      ctx.connection.filter = 0
      return ctx.deps.event('halted')
    case RndisType.query:
      return answerQuery(ctx, channel, view)
    case RndisType.set:
      return answerSet(ctx, channel, view)
    case RndisType.keepalive:
      return respond(ctx, RndisType.keepaliveComplete, keepaliveComplete.toBytes({ req_id, status }))
    case RndisType.reset:
      // Nothing is under way that could be forgotten: addresses and filter stay as they are.
      return respond(ctx, RndisType.resetComplete, resetComplete.toBytes({ status, addressing_reset: 0 }))
    default:
      violation(channel, 'control-type', `a control message of type ${type}`)
  }
}

function initialize(ctx: RndisControl, channel: Channel, view: DataView): void {
  if (view.byteLength < RNDIS_HEADER + initializeRequest.size)
    return violation(channel, 'control-short', 'a short INITIALIZE')
  if (ctx.connection.initialized) return violation(channel, 'initialize-again', 'a second INITIALIZE')
  const { req_id, major_ver, minor_ver } = initializeRequest.decode(view, RNDIS_HEADER)
  const good = major_ver === 1 && minor_ver === 0
  ctx.connection.initialized = good
  const answer = initializeComplete.toBytes({
    req_id,
    status: good ? RndisStatus.success : RndisStatus.badVersion,
    major_ver: 1,
    minor_ver: 0,
    dev_flags: 1,
    medium: 0,
    max_pkt_per_msg: MOST_PACKETS,
    max_xfer_size: MOST_TRANSFER,
    pkt_alignment_factor: ALIGNMENT,
    af_list_offset: 0,
    af_list_size: 0,
  })
  respond(ctx, RndisType.initializeComplete, answer)
  if (!good) return
  ctx.deps.event('initialized')
  announceVf(ctx)
}

/** The information buffer of a request; undefined when it is not within the message. */
function information(view: DataView): Uint8Array | undefined {
  const { info_buflen, info_buf_offset } = queryRequest.decode(view, RNDIS_HEADER)
  const room = view.byteLength - RNDIS_HEADER
  if (info_buf_offset > room || info_buflen > room - info_buf_offset) return undefined
  return new Uint8Array(view.buffer, view.byteOffset + RNDIS_HEADER + info_buf_offset, info_buflen)
}

function answerQuery(ctx: RndisControl, channel: Channel, view: DataView): void {
  if (view.byteLength < RNDIS_HEADER + queryRequest.size) return violation(channel, 'control-short', 'a short QUERY')
  const { req_id, oid, info_buf_offset } = queryRequest.decode(view, RNDIS_HEADER)
  const given = information(view)
  // Hyper-V fails a query whose offset is 0, even without data (Linux rndis_filter.c comment).
  const answered =
    given === undefined || info_buf_offset < queryRequest.size ? RndisStatus.invalidData : query(ctx, oid, given)
  const bytes = typeof answered === 'number' ? new Uint8Array(0) : answered
  const status = typeof answered === 'number' ? answered : RndisStatus.success
  const answer = new Uint8Array(queryComplete.size + bytes.length)
  queryComplete.encode(
    { req_id, status, info_buflen: bytes.length, info_buf_offset: queryComplete.size },
    new DataView(answer.buffer),
  )
  answer.set(bytes, queryComplete.size)
  respond(ctx, RndisType.queryComplete, answer)
}

function answerSet(ctx: RndisControl, channel: Channel, view: DataView): void {
  if (view.byteLength < RNDIS_HEADER + queryRequest.size) return violation(channel, 'control-short', 'a short SET')
  const { req_id, oid } = queryRequest.decode(view, RNDIS_HEADER)
  const given = information(view)
  const status = given === undefined ? RndisStatus.invalidData : set(ctx, oid, given)
  respond(ctx, RndisType.setComplete, setComplete.toBytes({ req_id, status }))
  if (oid !== Oid.offloadParameters || status !== RndisStatus.success) return
  // The guest hears what is on now (OpenVMM netvsp, process_control_messages; FreeBSD hn_rndis.c knows it of Hyper-V).
  const { offload, version } = ctx.connection
  indicate(ctx, Indication.offloadCurrentConfig, offloadBytes(offload, offloadRevision(version)))
}

/** Tells the guest of a change. Nothing before INITIALIZE, where a guest asks for the state, nor on a withdrawn device. */
export function indicate(ctx: RndisControl, status: number, buffer: Uint8Array = new Uint8Array(0)): void {
  if (!ctx.connection.initialized || ctx.rescinded) return
  const body = new Uint8Array(indicateStatus.size + buffer.length)
  indicateStatus.encode(
    { status, status_buflen: buffer.length, status_buf_offset: buffer.length === 0 ? 0 : indicateStatus.size },
    new DataView(body.buffer),
  )
  body.set(buffer, indicateStatus.size)
  respond(ctx, RndisType.indicate, body)
}

/** Sends a control message to the guest, in a section of its own. */
function respond(ctx: RndisControl, type: number, body: Uint8Array): void {
  const { controls } = ctx.connection
  if (controls.length >= MOST_WAITING)
    return diagnose(ctx, 'VMBUS_NETVSC_CONTROL_FULL', 'the guest takes no control messages', { type })
  const message = new Uint8Array(RNDIS_HEADER + body.length)
  const view = new DataView(message.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, message.length, true)
  message.set(body, RNDIS_HEADER)
  controls.push(message)
  sendControls(ctx)
}

/** Moves waiting control messages into sections as far as there are any. */
export function sendControls(ctx: RndisControl): void {
  const { connection, sections, receiveGrant, channels } = ctx
  const [channel] = channels
  if (sections === undefined || receiveGrant === undefined || channel === undefined) return
  const { filled, completion, messages } = queueOf(ctx, 0)
  for (let message = connection.controls[0]; message !== undefined; message = connection.controls[0]) {
    const section = message.length > sections.size ? -1 : sections.take(true)
    if (section < 0) break
    connection.controls.shift()
    if (receiveGrant.write(section * sections.size, message)) filled.push(section, message.length, 0)
    else sections.drop(section)
  }
  if (completion === null && messages.length === 0 && ctx.batching === 0) drain(ctx, channel)
}
