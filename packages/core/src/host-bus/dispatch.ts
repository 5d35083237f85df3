import { VMBUS_SINT } from '@vmbus/hypervisor'
import { MessageId, messageEntry } from '../messages/index.ts'
import type { MessageName } from '../messages/index.ts'
import { Feature } from '../versions.ts'
import { layouts } from '../messages/index.ts'
import { onCloseChannel, onModifyChannel, onOpenChannel } from './channels.ts'
import { onInitiateContact, onModifyConnection, onPause, onResume, onUnload } from './contact.ts'
import { reject, type HostContext } from './context.ts'
import { onGpadlBody, onGpadlHeader, onGpadlTeardown } from './gpadls.ts'
import { onRelidReleased, onRequestOffers } from './offers.ts'
import { targetOf } from './outbox.ts'
import { onCloseReserved, onOpenReserved } from './reserved.ts'
import { onTlConnect } from './sockets.ts'
import type { HostState, IncomingMessage } from './state.ts'

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

/** While this many messages wait where its answer would go, a guest is told to try again. */
const OUTGOING_LIMIT = 512

/** A guest that does not take the answers gets no more of them, but for those to what helps it out of that. */
export function isHeldOff({ state }: HostContext, payload: Uint8Array): boolean {
  const id = payload[0]
  if (id === MessageId.initiateContact || id === MessageId.unload || id === MessageId.resume) return false
  const waiting = state.outgoing.get(answerTarget(state, payload))?.length ?? 0
  return waiting >= OUTGOING_LIMIT
}

/** Both messages of reserved channels name the target of the answer at the same place. */
function answerTarget({ connection }: HostState, payload: Uint8Array): number {
  const id = payload[0]
  const isReserved = id === MessageId.openReservedChannel || id === MessageId.closeReservedChannel
  if (!isReserved || payload.length < layouts.closeReservedChannel.size)
    return targetOf(connection?.vp ?? 0, VMBUS_SINT)
  const { targetVp, targetSint } = layouts.closeReservedChannel.parse(payload)
  return targetOf(targetVp, targetSint)
}
