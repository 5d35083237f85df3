import { MESSAGE_BYTES, messageHeader } from '../protocol/nvsp.ts'
import { post } from './outgoing.ts'
import { awaitAnswer, packetRecord, type GuestContext } from './state.ts'

/** An NVSP message of 40 bytes, as Linux always sends. `wants`: a completion is asked for. */
export function nvsp(ctx: GuestContext, type: number, wants: boolean, fill: (view: DataView) => void): void {
  const payload = new Uint8Array(MESSAGE_BYTES)
  const view = new DataView(payload.buffer)
  messageHeader.write.msg_type(view, 0, type)
  fill(view)
  const id = wants ? ctx.sent.begin(packetRecord(ctx, 'request', 0, type)) : 0
  if (wants) awaitAnswer(ctx)
  post(ctx, 0, { kind: 'in-band', payload, id })
}
