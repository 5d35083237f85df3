import { MessageId, encode, layouts } from '../messages/index.ts'
import { STATUS_CONNECTION_REFUSED, Version } from '../versions.ts'
import { reject, type HostContext } from './context.ts'
import { send } from './outbox.ts'
import type { TlConnectRequest } from './types.ts'

const NIL = '00000000-0000-0000-0000-000000000000'

/** A guest's socket asks for a service of the host. An accepted one is answered by an offer, or refused later. */
export function onTlConnect(ctx: HostContext, payload: Uint8Array): void {
  const { connection, contacts: contact } = ctx.state
  const { endpointId, serviceId } = layouts.tlConnectRequest.parse(payload)
  const siloId =
    (connection?.version ?? 0) >= Version.v5_2 && payload.length >= layouts.tlConnectRequestV52.size
      ? layouts.tlConnectRequestV52.parse(payload).siloId
      : NIL
  const request = { endpointId, serviceId, siloId, contact }
  if (ctx.options.tlConnect?.(request) !== true) refuseTlConnect(ctx, request)
}

export function refuseTlConnect(ctx: HostContext, { endpointId, serviceId, contact }: TlConnectRequest): void {
  const { connection, contacts } = ctx.state
  // Whoever asked is gone.
  if (connection === null || contact !== contacts) return
  reject(ctx, 'tl-refused', { serviceId })
  if (connection.version < Version.v4_1) return
  const status = STATUS_CONNECTION_REFUSED
  send(ctx, encode(layouts.tlConnectResult, MessageId.tlConnectResult, { endpointId, serviceId, status }))
}
