import { Version } from '../versions.ts'
import type { VmbusVersion } from '../types.ts'
import { MessageId, type MessageName } from './ids.ts'
import * as layouts from './layouts.ts'

/** One channel message: its number, who sends it, since which version, and its shortest form. */
export interface MessageEntry {
  readonly id: number
  readonly name: MessageName
  readonly to: 'host' | 'guest'
  /** The first version in which a peer knows it. */
  readonly since: VmbusVersion
  /** Bytes below which the receiver drops it unread: the layout's size unless the receiver is known to accept less. */
  readonly minimum: number
  readonly layout: { readonly name: string; readonly size: number }
  /** Longer forms of later versions, shortest first. */
  readonly extended: readonly { readonly name: string; readonly size: number }[]
}

type Sized = { readonly name: string; readonly size: number }

const row = (
  name: MessageName,
  to: 'host' | 'guest',
  since: VmbusVersion,
  layout: Sized,
  options: { minimum?: number; extended?: readonly Sized[] } = {},
): MessageEntry => ({
  id: MessageId[name],
  name,
  to,
  since,
  layout,
  minimum: options.minimum ?? layout.size,
  extended: options.extended ?? [],
})

const { v0_13, v1_1, v4_0, v4_1, v5_3, v6_0 } = Version

/** wire/02 §1. Linux accepts the bare answers with any payload (channel_message_table, `min_payload_len` 0). */
export const MESSAGES: readonly MessageEntry[] = [
  row('offerChannel', 'guest', v0_13, layouts.offerChannel),
  row('rescindChannelOffer', 'guest', v0_13, layouts.rescindChannelOffer),
  row('requestOffers', 'host', v0_13, layouts.bare),
  row('allOffersDelivered', 'guest', v0_13, layouts.bare),
  row('openChannel', 'host', v0_13, layouts.openChannel, { extended: [layouts.openChannelV6] }),
  row('openChannelResult', 'guest', v0_13, layouts.openChannelResult),
  row('closeChannel', 'host', v0_13, layouts.closeChannel),
  row('gpadlHeader', 'host', v0_13, layouts.gpadlHeader),
  row('gpadlBody', 'host', v0_13, layouts.gpadlBody),
  row('gpadlCreated', 'guest', v0_13, layouts.gpadlCreated),
  row('gpadlTeardown', 'host', v0_13, layouts.gpadlTeardown),
  row('gpadlTorndown', 'guest', v0_13, layouts.gpadlTorndown),
  row('relidReleased', 'host', v0_13, layouts.relidReleased),
  row('initiateContact', 'host', v0_13, layouts.initiateContact, { extended: [layouts.initiateContactV6] }),
  row('versionResponse', 'guest', v0_13, layouts.versionResponse, {
    extended: [layouts.versionResponseV6, layouts.versionResponseV6Monitor],
  }),
  row('unload', 'host', v0_13, layouts.bare),
  row('unloadResponse', 'guest', v1_1, layouts.bare),
  row('openReservedChannel', 'host', v4_0, layouts.openReservedChannel),
  row('closeReservedChannel', 'host', v0_13, layouts.closeReservedChannel),
  row('closeReservedChannelResponse', 'guest', v4_0, layouts.closeReservedChannelResponse),
  row('tlConnectRequest', 'host', v4_0, layouts.tlConnectRequest, { extended: [layouts.tlConnectRequestV52] }),
  row('modifyChannel', 'host', v4_1, layouts.modifyChannel),
  row('tlConnectResult', 'guest', v4_1, layouts.tlConnectResult),
  row('modifyChannelResponse', 'guest', v5_3, layouts.modifyChannelResponse),
  row('modifyConnection', 'host', v6_0, layouts.modifyConnection),
  row('modifyConnectionResponse', 'guest', v6_0, layouts.modifyConnectionResponse),
  row('pause', 'host', v6_0, layouts.bare),
  row('pauseResponse', 'guest', v6_0, layouts.bare),
  row('resume', 'host', v6_0, layouts.bare),
]

const byId: readonly (MessageEntry | undefined)[] = Array.from({ length: 30 }, (_, id) =>
  MESSAGES.find((message) => message.id === id),
)

/** The entry of a message number, undefined for 0 and above 29. */
export function messageEntry(id: number): MessageEntry | undefined {
  return byId[id]
}
