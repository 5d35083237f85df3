import {
  BODY,
  NvspStatus,
  NvspType,
  NvspVersion,
  RECEIVE_BUFFER_ID,
  SEND_BUFFER_ID,
  sendReceiveBuffer,
  sendReceiveBufferComplete,
  sendSendBuffer,
  sendSendBufferComplete,
} from '../protocol/nvsp.ts'
import { RndisType, initializeRequest } from '../protocol/rndis.ts'
import { sendNvsp } from './requests.ts'
import { DEFAULT_RECEIVE_BYTES, DEFAULT_SEND_BYTES, LEGACY_RECEIVE_BYTES, MAX_TRANSFER } from './options.ts'
import { sendRndisRequest } from './requests.ts'
import { awaitAnswer } from './answer-timer.ts'
import { PAGE, pagesFor, rangeOf } from './memory.ts'
import type { GrantedBuffer, GuestContext } from './types.ts'
import { fail, grantedLate } from './teardown.ts'

const NO_MEMORY = 'the guest has no memory for a buffer'
/** A header needs so many bytes at least (Linux hyperv_net.h, NETVSC_MIN_*_SECTION_SIZE). */
const LEAST_SECTION = 68

/** The receive buffer comes first; the send buffer once the host has taken it. */
export function grantReceiveBuffer(ctx: GuestContext): void {
  const { state, options } = ctx
  const most = state.version >= NvspVersion.v4 ? Infinity : LEGACY_RECEIVE_BYTES
  state.step = 'receive-gpadl'
  state.receive = grant(ctx, Math.min(options.receiveBufferBytes ?? DEFAULT_RECEIVE_BYTES, most))
  if (state.receive === null) fail(ctx, NO_MEMORY)
}

/** Grants pages to the host, and waits for its answer as for that to a message. */
function grant(ctx: GuestContext, byteLength: number): GrantedBuffer | null {
  const pfns = pagesFor(ctx, Math.ceil(byteLength / PAGE))
  if (pfns === undefined) return null
  const [primary] = ctx.channels
  awaitAnswer(ctx)
  return { gpadl: primary?.createGpadl([rangeOf(pfns, pfns.length * PAGE)]) ?? 0, pfns, created: false, tearing: false }
}

/** The host answered for a grant: a message may name the buffer now. */
export function granted(ctx: GuestContext, gpadl: number, status: number): void {
  const { state, options, deps } = ctx
  const buffer = state.receive?.gpadl === gpadl ? state.receive : state.send?.gpadl === gpadl ? state.send : null
  if (buffer === null) return
  buffer.created = status === 0
  if (state.phase === 'stopping') return grantedLate(ctx, buffer, status)
  if (status !== 0) {
    deps.pages.free(buffer.pfns)
    if (state.receive === buffer) state.receive = null
    else state.send = null
    return fail(ctx, 'the host refused a buffer')
  }
  if (state.phase !== 'setup') return
  if (state.step === 'receive-gpadl') {
    state.step = 'receive-buffer'
    sendNvsp(
      ctx,
      NvspType.sendReceiveBuffer,
      sendReceiveBuffer.toBytes({ gpadl_handle: gpadl, id: RECEIVE_BUFFER_ID }),
      true,
    )
  } else if (state.step === 'send-gpadl') {
    state.step = 'send-buffer'
    sendNvsp(
      ctx,
      NvspType.sendSendBuffer,
      sendSendBuffer.toBytes({ gpadl_handle: gpadl, id: options.sendBufferId ?? SEND_BUFFER_ID }),
      true,
    )
  }
}

/** One section that begins at 0, with room for a header, within the buffer: anything else is refused (Linux netvsc.c). */
export function receiveBufferAnswered(ctx: GuestContext, view: DataView, whole: boolean): void {
  const { state } = ctx
  if (!whole || state.receive === null) return fail(ctx, 'a short answer about the receive buffer')
  const { status, num_sections, sections } = sendReceiveBufferComplete.decode(view, BODY)
  const bytes = state.receive.pfns.length * PAGE
  const good =
    status === NvspStatus.success &&
    num_sections === 1 &&
    sections.offset === 0 &&
    sections.sub_alloc_size >= LEAST_SECTION &&
    sections.sub_alloc_size * sections.num_sub_allocs <= bytes
  if (!good) return fail(ctx, 'the host cannot use the receive buffer')
  state.subAllocation = sections.sub_alloc_size
  state.step = 'send-gpadl'
  state.send = grant(ctx, ctx.options.sendBufferBytes ?? DEFAULT_SEND_BYTES)
  if (state.send === null) fail(ctx, NO_MEMORY)
}

export function sendBufferAnswered(ctx: GuestContext, view: DataView, whole: boolean): void {
  const { state, options } = ctx
  const size = whole ? sendSendBufferComplete.read.section_size(view, BODY) : 0
  const status = whole ? sendSendBufferComplete.read.status(view, BODY) : NvspStatus.fail
  const bytes = (state.send?.pfns.length ?? 0) * PAGE
  if (status !== NvspStatus.success || size < LEAST_SECTION || size > bytes)
    return fail(ctx, 'the host cannot use the send buffer')
  state.sectionSize = size
  state.sections = Array.from(
    { length: Math.floor(bytes / size) },
    (_, index, count = Math.floor(bytes / size)) => count - 1 - index,
  )
  state.step = 'rndis'
  const body = initializeRequest.toBytes({
    major_ver: 1,
    minor_ver: 0,
    max_xfer_size: options.maxTransfer ?? MAX_TRANSFER,
  })
  sendRndisRequest(ctx, { type: RndisType.initialize, oid: 0, body })
}
