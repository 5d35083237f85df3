import { messageEntry, layouts, type MessageName } from '../messages/index.ts'
import { STATUS_UNSUCCESSFUL } from '../versions.ts'
import { modified, onModifyResult, onOpenResult, opened } from './channels.ts'
import { monitorsMoved, onModifyConnectionResponse, onPauseResponse } from './connection.ts'
import { nextVersion, onVersionResponse } from './contact.ts'
import { channelByRelid, reject, type GuestContext } from './context.ts'
import { created, onGpadlCreated, onGpadlTorndown, torndown } from './gpadls.ts'
import { onUnloadResponse, unloaded } from './unload.ts'
import { onAllOffers, onOffer, onRescind } from './offers.ts'

/** connection_state 2. */
const CONNECTION_FAILED_UNKNOWN = 2

type Handler = (ctx: GuestContext, payload: Uint8Array) => void

const HANDLERS: Partial<Record<MessageName, Handler>> = {
  offerChannel: onOffer,
  rescindChannelOffer: onRescind,
  allOffersDelivered: onAllOffers,
  openChannelResult: onOpenResult,
  gpadlCreated: onGpadlCreated,
  gpadlTorndown: onGpadlTorndown,
  versionResponse: onVersionResponse,
  unloadResponse: onUnloadResponse,
  tlConnectResult: onSocketRefused,
  modifyChannelResponse: onModifyResult,
  modifyConnectionResponse: onModifyConnectionResponse,
  pauseResponse: onPauseResponse,
}

/** One message of the host, already copied out of its slot. */
export function dispatch(ctx: GuestContext, payload: Uint8Array): void {
  if (payload.length < layouts.messageHeader.size) return reject(ctx, 'message-short', { length: payload.length })
  const { msgtype } = layouts.messageHeader.parse(payload)
  const entry = messageEntry(msgtype)
  const handler = entry && HANDLERS[entry.name]
  if (entry === undefined || handler === undefined) return reject(ctx, 'message-unknown', { msgtype })
  if (payload.length < entry.minimum) return reject(ctx, 'message-short', { msgtype, length: payload.length })
  handler(ctx, payload)
}

function onSocketRefused(ctx: GuestContext, payload: Uint8Array): void {
  const { endpointId, serviceId, status } = layouts.tlConnectResult.parse(payload)
  ctx.emit({ kind: 'socket', endpointId, serviceId, status })
}

/** The hypercall failed for good: what the message asked for ends as if the host had refused it. */
const LOST: Partial<Record<MessageName, Handler>> = {
  initiateContact: nextVersion,
  requestOffers: (ctx) => {
    ctx.state.phase = 'failed'
    ctx.emit({ kind: 'failed' })
  },
  unload: unloaded,
  openChannel: (ctx, payload) => {
    const channel = channelByRelid(ctx, layouts.openChannel.parse(payload).relid)
    if (channel?.phase === 'opening') opened(ctx, channel, STATUS_UNSUCCESSFUL)
  },
  gpadlHeader: (ctx, payload) => lostGpadl(ctx, layouts.gpadlHeader.parse(payload).gpadl),
  gpadlBody: (ctx, payload) => lostGpadl(ctx, layouts.gpadlBody.parse(payload).gpadl),
  gpadlTeardown: (ctx, payload) => {
    const gpadl = ctx.state.gpadls.get(layouts.gpadlTeardown.parse(payload).gpadl)
    if (gpadl?.phase === 'tearing') torndown(ctx, gpadl)
  },
  modifyChannel: (ctx, payload) => {
    const channel = channelByRelid(ctx, layouts.modifyChannel.parse(payload).relid)
    if (channel?.modifying === true) modified(ctx, channel, STATUS_UNSUCCESSFUL)
  },
  modifyConnection: (ctx) => monitorsMoved(ctx, CONNECTION_FAILED_UNKNOWN),
  pause: (ctx) => {
    ctx.state.paused = 'no'
  },
}

export function lost(ctx: GuestContext, payload: Uint8Array, status: number): void {
  const name = messageEntry(payload[0] ?? 0)?.name
  if (name !== 'initiateContact') {
    ctx.options.diagnose?.({
      code: 'VMBUS_POST_FAILED',
      source: 'guest-bus',
      message: 'the host does not take a message',
      detail: { message: name ?? '', status },
    })
  }
  if (name !== undefined) LOST[name]?.(ctx, payload)
}

function lostGpadl(ctx: GuestContext, id: number): void {
  const gpadl = ctx.state.gpadls.get(id)
  const channel = gpadl && ctx.state.channels.get(gpadl.channel)
  if (gpadl?.phase === 'creating' && channel !== undefined) created(ctx, channel, gpadl, STATUS_UNSUCCESSFUL)
}
