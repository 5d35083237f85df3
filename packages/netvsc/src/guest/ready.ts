import { Oid } from '../protocol/oids.ts'
import { sendRndisRequest, set } from './requests.ts'
import type { GuestContext } from './types.ts'

/** Setup is over: sets the packet filter that the owner wants. */
export function ready(ctx: GuestContext): void {
  const { state } = ctx
  state.phase = 'ready'
  state.step = ''
  ctx.deps.event('ready', { version: state.version, queues: state.subchannels + 1 })
  if (state.wantedFilter !== 0) setFilter(ctx, state.wantedFilter)
}

export function setFilter(ctx: GuestContext, filter: number): void {
  const { state } = ctx
  state.wantedFilter = filter
  if (state.phase !== 'ready' || state.filter === filter) return
  state.filter = filter
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, filter, true)
  sendRndisRequest(ctx, set(Oid.packetFilter, bytes))
}
