import { Indication, RNDIS_HEADER, RndisType, indicateStatus, queryComplete, setComplete } from '../protocol/rndis.ts'
import { finishRndisRequest } from './requests.ts'
import { answered } from './rndis-setup.ts'
import { diagnose } from './state.ts'
import type { GuestContext } from './types.ts'

/** Handles the control messages of received packets: after these, as in drivers whose threads wait for an answer. */
export function handleControls(ctx: GuestContext): void {
  const { controls } = ctx.receiving
  for (let message = controls.shift(); message !== undefined; message = controls.shift()) {
    if (!handleControl(ctx, message))
      diagnose(ctx, 'VMBUS_NETVSC_CONTROL', 'control-message', 'a control message of the host makes no sense')
  }
}

/** A control message from the host, in a private copy; false when it makes no sense. */
function handleControl(ctx: GuestContext, message: Uint8Array): boolean {
  const view = new DataView(message.buffer)
  const type = view.getUint32(0, true)
  if (type === RndisType.indicate) return indication(ctx, view)
  const { control } = ctx.state
  const { current } = control
  if (message.length < RNDIS_HEADER + 8) return false
  if (type === RndisType.resetComplete) return true
  const id = view.getUint32(RNDIS_HEADER, true)
  // While the driver stops, answers to earlier requests are ignored.
  if (ctx.state.phase === 'stopping') return true
  if (current === null || id !== control.id || type !== (current.type | 0x8000_0000) >>> 0) {
    diagnose(ctx, 'VMBUS_NETVSC_ANSWER', 'answer-unasked', 'an answer that nobody waits for')
    return false
  }
  const status = view.getUint32(RNDIS_HEADER + 4, true)
  const information = informationOf(type, view)
  if (information === undefined) return false
  finishRndisRequest(ctx)
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
