import { BODY, ChannelType, MESSAGE_BYTES, NO_SECTION, messageHeader } from '../protocol/nvsp.ts'
import { RNDIS_HEADER, RndisType, queryRequest } from '../protocol/rndis.ts'
import { answerCame, awaitAnswer } from './answer-timer.ts'
import { PAGE } from './memory.ts'
import { post } from './outgoing.ts'
import { rndisMessage } from './send-buffers.ts'
import { packetRecord } from './sent-packets.ts'
import type { Control, ControlRequest } from './types.ts'

/** Sends an NVSP message of 40 bytes, as Linux always does. `wantsCompletion`: the host is asked to complete it. */
export function sendNvsp(ctx: Control, type: number, body: Uint8Array, wantsCompletion = false): void {
  const payload = new Uint8Array(MESSAGE_BYTES)
  messageHeader.write.msg_type(new DataView(payload.buffer), 0, type)
  payload.set(body, BODY)
  const id = wantsCompletion ? ctx.sent.begin(packetRecord(ctx, 'request', 0, type)) : 0
  if (wantsCompletion) awaitAnswer(ctx)
  post(ctx, 0, { kind: 'in-band', payload, id })
}

/**
 * Sends an RNDIS request, or lets it wait: one is under way at a time, because all go from one page. Its id is not that of a
 * request table: ids count up from 1, as Linux does (rndis_filter.c, get_rndis_request), and only the last is answered.
 */
export function sendRndisRequest(ctx: Control, request: ControlRequest): void {
  const { control } = ctx.state
  if (control.current === null) sendRequest(ctx, request)
  else control.waiting.push(request)
}

function sendRequest(ctx: Control, request: ControlRequest): void {
  const { state, deps } = ctx
  const { control } = state
  control.current = request
  control.id = (control.id + 1) >>> 0
  const bytes = new Uint8Array(RNDIS_HEADER + request.body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, request.type, true)
  view.setUint32(4, bytes.length, true)
  bytes.set(request.body, RNDIS_HEADER)
  view.setUint32(RNDIS_HEADER, control.id, true)
  const byteOffset = ctx.options.requestOffset ?? 0
  const gpa = state.controlPage * PAGE + byteOffset
  deps.memory.bytes.set(bytes, gpa)
  deps.memory.wrote(gpa, bytes.length)
  const id = ctx.sent.begin(packetRecord(ctx, 'control', 0))
  awaitAnswer(ctx)
  post(ctx, 0, {
    kind: 'gpa',
    ranges: [{ byteOffset, byteCount: bytes.length, pfns: [state.controlPage] }],
    payload: rndisMessage(ctx.sending, ChannelType.control, NO_SECTION, 0),
    id,
  })
}

/** The request under way has its answer, or needs none. */
export function finishRndisRequest(ctx: Control): void {
  const { control } = ctx.state
  control.current = null
  if (ctx.state.phase !== 'stopping') answerCame(ctx)
  const waiting = control.waiting.shift()
  if (waiting !== undefined) sendRequest(ctx, waiting)
}

/** The body of a QUERY or SET; the information begins after the 20 bytes, also when there is none (Hyper-V wants it so). */
function oidBody(oid: number, information: Uint8Array = new Uint8Array(0)): Uint8Array {
  const body = new Uint8Array(queryRequest.size + information.length)
  queryRequest.encode(
    { req_id: 0, oid, info_buflen: information.length, info_buf_offset: queryRequest.size, dev_vc_handle: 0 },
    new DataView(body.buffer),
  )
  body.set(information, queryRequest.size)
  return body
}

export const query = (oid: number, information?: Uint8Array): ControlRequest => ({
  type: RndisType.query,
  oid,
  body: oidBody(oid, information),
})
export const set = (oid: number, information: Uint8Array): ControlRequest => ({
  type: RndisType.set,
  oid,
  body: oidBody(oid, information),
})
