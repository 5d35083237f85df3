import { MessageId, messageEntry } from '../messages/index.ts'
import type { MessageName } from '../messages/index.ts'
import { Feature, Version, STATUS_CONNECTION_REFUSED } from '../versions.ts'
import { encode, layouts } from '../messages/index.ts'
import { onCloseChannel, onCloseReserved, onModifyChannel, onOpenChannel, onOpenReserved } from './channels.ts'
import { onInitiateContact, onModifyConnection, onPause, onResume, onUnload } from './contact.ts'
import { reject, type HostContext } from './context.ts'
import { onGpadlBody, onGpadlHeader, onGpadlTeardown } from './gpadls.ts'
import { onRelidReleased, onRequestOffers } from './offers.ts'
import { send } from './outbox.ts'
import type { IncomingMessage } from './state.ts'

type Handler = (ctx: HostContext, payload: Uint8Array, connection: number) => void

const HANDLERS: Partial<Record<MessageName, Handler>> = {
  requestOffers: onRequestOffers,
  openChannel: onOpenChannel,
  closeChannel: onCloseChannel,
  gpadlHeader: onGpadlHeader,
  gpadlBody: onGpadlBody,
  gpadlTeardown: onGpadlTeardown,
  relidReleased: onRelidReleased,
  initiateContact: onInitiateContact,
  unload: onUnload,
  openReservedChannel: onOpenReserved,
  closeReservedChannel: onCloseReserved,
  tlConnectRequest: onTlConnect,
  modifyChannel: onModifyChannel,
  modifyConnection: onModifyConnection,
  pause: onPause,
  resume: onResume,
}

const FEATURES: Partial<Record<MessageName, number>> = {
  modifyConnection: Feature.modifyConnection,
  pause: Feature.pauseResume,
  resume: Feature.pauseResume,
}

/** Heard without a connection, and while one is being set up or torn down. */
const ALWAYS_HEARD: ReadonlySet<MessageName> = new Set(['initiateContact', 'closeReservedChannel'])

/** One message of the guest, already copied out of its memory. */
export function dispatch(ctx: HostContext, { payload, connection }: IncomingMessage): void {
  if (payload.length < layouts.messageHeader.size) return reject(ctx, 'message-short', { length: payload.length })
  const { msgtype } = layouts.messageHeader.parse(payload)
  const entry = messageEntry(msgtype)
  const handler = entry && HANDLERS[entry.name]
  if (entry === undefined || handler === undefined) return reject(ctx, 'message-unknown', { msgtype })
  if (payload.length < entry.minimum) return reject(ctx, 'message-short', { msgtype, length: payload.length })
  if (!ALWAYS_HEARD.has(entry.name)) {
    const current = ctx.state.connection
    if (current === null) return reject(ctx, 'message-disconnected', { msgtype })
    if (current.version < entry.since) return reject(ctx, 'message-version', { msgtype, version: current.version })
    const feature = FEATURES[entry.name]
    if (feature !== undefined && (current.features & feature) === 0) return reject(ctx, 'message-feature', { msgtype })
  }
  handler(ctx, payload, connection)
}

/** These get through to a host whose answers the guest does not take. */
export function isUrgent(payload: Uint8Array): boolean {
  const id = payload[0]
  return id === MessageId.initiateContact || id === MessageId.unload || id === MessageId.resume
}

/** A guest's socket asks for a service of the host. An accepted one is answered by an offer, later. */
function onTlConnect(ctx: HostContext, payload: Uint8Array): void {
  const version = ctx.state.connection?.version ?? 0
  const { endpointId, serviceId } = layouts.tlConnectRequest.parse(payload)
  const siloId =
    version >= Version.v5_2 && payload.length >= layouts.tlConnectRequestV52.size
      ? layouts.tlConnectRequestV52.parse(payload).siloId
      : NIL
  if (ctx.options.tlConnect?.({ endpointId, serviceId, siloId }) === true) return
  reject(ctx, 'tl-refused', { serviceId })
  if (version < Version.v4_1) return
  send(
    ctx,
    encode(layouts.tlConnectResult, MessageId.tlConnectResult, {
      endpointId,
      serviceId,
      status: STATUS_CONNECTION_REFUSED,
    }),
  )
}

const NIL = '00000000-0000-0000-0000-000000000000'
