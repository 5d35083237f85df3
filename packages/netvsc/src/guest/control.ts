import { ChannelType, NO_SECTION } from '../protocol/nvsp.ts'
import {
  Indication,
  RNDIS_HEADER,
  RndisType,
  indicateStatus,
  queryComplete,
  queryRequest,
  setComplete,
} from '../protocol/rndis.ts'
import { post, rndisMessage } from './send.ts'
import { answered } from './setup.ts'
import {
  answerCame,
  awaitAnswer,
  diagnose,
  rangeOf,
  takeSlot,
  type ControlRequest,
  type GuestContext,
} from './state.ts'

const PAGE = 4096

/** Asks the host something; one request is under way at a time, because all go from one page. */
export function ask(ctx: GuestContext, request: ControlRequest): void {
  const { control } = ctx.state
  if (control.current === null) begin(ctx, request)
  else control.waiting.push(request)
}

function begin(ctx: GuestContext, request: ControlRequest): void {
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
  const gpa = state.controlPage * PAGE
  deps.memory.bytes.set(bytes, gpa)
  deps.memory.wrote(gpa, bytes.length)
  const slot = takeSlot(ctx, { kind: 'control', queue: 0 })
  post(ctx, 0, {
    kind: 'gpa',
    ranges: [rangeOf([state.controlPage], bytes.length)],
    payload: rndisMessage(ChannelType.control, NO_SECTION, 0),
    slot,
  })
  awaitAnswer(ctx)
}

/** The request under way has its answer, or needs none. */
export function next(ctx: GuestContext): void {
  const { control } = ctx.state
  control.current = null
  if (ctx.state.phase !== 'stopping') answerCame(ctx)
  const waiting = control.waiting.shift()
  if (waiting !== undefined) begin(ctx, waiting)
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

/** A control message from the host, in a private copy; false when it makes no sense. */
export function controlMessage(ctx: GuestContext, message: Uint8Array): boolean {
  const view = new DataView(message.buffer)
  const type = view.getUint32(0, true)
  if (type === RndisType.indicate) return indication(ctx, view)
  const { control } = ctx.state
  const { current } = control
  if (message.length < RNDIS_HEADER + 8) return false
  if (type === RndisType.resetComplete) return true
  const id = view.getUint32(RNDIS_HEADER, true)
  // On the way out nobody waits for what was asked before.
  if (ctx.state.phase === 'stopping') return true
  if (current === null || id !== control.id || type !== (current.type | 0x8000_0000) >>> 0) {
    diagnose(ctx, 'VMBUS_NETVSC_ANSWER', 'an answer that nobody waits for')
    return false
  }
  const status = view.getUint32(RNDIS_HEADER + 4, true)
  const information = informationOf(type, view)
  if (information === undefined) return false
  next(ctx)
  answered(ctx, current, status, information)
  return true
}

/** The information of an answer: a QUERY's buffer, otherwise the whole body. Undefined when it is not within the message. */
function informationOf(type: number, view: DataView): Uint8Array | undefined {
  const room = view.byteLength - RNDIS_HEADER
  if (type !== RndisType.queryComplete)
    return room >= setComplete.size ? new Uint8Array(view.buffer, RNDIS_HEADER, room) : undefined
  if (room < queryComplete.size) return undefined
  const { info_buflen, info_buf_offset } = queryComplete.decode(view, RNDIS_HEADER)
  if (info_buflen === 0) return new Uint8Array(0)
  if (info_buf_offset < queryComplete.size || info_buf_offset > room || info_buflen > room - info_buf_offset)
    return undefined
  return new Uint8Array(view.buffer, RNDIS_HEADER + info_buf_offset, info_buflen)
}

function indication(ctx: GuestContext, view: DataView): boolean {
  const room = view.byteLength - RNDIS_HEADER
  if (room < indicateStatus.size) return false
  const { status, status_buflen, status_buf_offset } = indicateStatus.decode(view, RNDIS_HEADER)
  const { state } = ctx
  switch (status) {
    case Indication.mediaConnect:
      state.linkUp = true
      ctx.deps.event('link', 'up')
      return true
    case Indication.mediaDisconnect:
      state.linkUp = false
      ctx.deps.event('link', 'down')
      return true
    case Indication.networkChange:
      ctx.deps.event('network-change')
      return true
    case Indication.linkSpeedChange:
      if (status_buflen < 4 || status_buf_offset > room || status_buflen > room - status_buf_offset) return false
      state.linkSpeed = view.getUint32(RNDIS_HEADER + status_buf_offset, true)
      ctx.deps.event('speed', state.linkSpeed)
      return true
    default:
      return true
  }
}
