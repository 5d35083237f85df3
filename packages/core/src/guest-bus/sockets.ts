import { CoreError } from '../errors.ts'
import { MessageId, encode, layouts } from '../messages/index.ts'
import { Version } from '../versions.ts'
import type { GuestContext } from './context.ts'
import { post } from './post.ts'

/** TL_CONNECT_REQUEST; the silo's id is said from 5.2 on. */
export function connectSocket(ctx: GuestContext, endpointId: string, serviceId: string, siloId?: string): void {
  const { version } = ctx.state
  if (version < Version.v4_0)
    throw new CoreError('VMBUS_CHANNEL_STATE', { field: 'version', value: version, allowed: 'at least 4.0' })
  const ids = { endpointId, serviceId }
  const message =
    version < Version.v5_2
      ? encode(layouts.tlConnectRequest, MessageId.tlConnectRequest, ids)
      : encode(layouts.tlConnectRequestV52, MessageId.tlConnectRequest, siloId === undefined ? ids : { ...ids, siloId })
  post(ctx, message)
}
