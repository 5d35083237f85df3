import { VMBUS_SINT, type GuestMemory } from '@vmbus/hypervisor'
import { MessageId, encode, layouts } from '../messages/index.ts'
import type { VmbusVersion } from '../types.ts'
import { ConnectionId, Feature, NO_MONITOR, Version } from '../versions.ts'
import { close } from './close.ts'
import { clearTimer, reject, type HostContext } from './context.ts'
import { forgetGpadls } from './gpadls.ts'
import { dropOutgoing, dropWaiting, flush, send, sendTo } from './outbox.ts'
import { isRamPage, pollMonitor, scheduleMonitor } from './signals.ts'
import { isOpen, isOpenReserved, isRevoked, type ChannelState, type Connection } from './state.ts'

const CONNECTION_SUCCESSFUL = 0
const CONNECTION_FAILED_UNKNOWN = 2
/** A response that says "not supported": all zero (OpenVMM), 16 bytes because Linux drops less. */
const UNSUPPORTED = encode(layouts.versionResponse, MessageId.versionResponse, {})

/** What an INITIATE_CONTACT asks for; a field counts only in the versions that have it. */
interface Contact {
  readonly version: VmbusVersion
  readonly vp: number
  readonly sint: number
  readonly vtl: number
  readonly features: number
  readonly interruptPage: number
  readonly parentToChildMonitor: number
  readonly childToParentMonitor: number
}

function parseContact(payload: Uint8Array, connection: number): Contact {
  const { version, targetVp, interruptPage, parentToChildMonitor, childToParentMonitor } =
    layouts.initiateContact.parse(payload)
  const { sint, vtl, features } = layouts.initiateContactV5.parse(payload)
  const multiclient = connection !== ConnectionId.messages
  return {
    version,
    vp: version >= Version.v3_0 ? targetVp : 0,
    sint: version >= Version.v5_0 && multiclient ? sint : VMBUS_SINT,
    vtl: version >= Version.v5_1 && multiclient ? vtl : 0,
    // A client id is there only when the message is long enough to hold it.
    features:
      version < Version.v6_0
        ? 0
        : payload.length >= layouts.initiateContactV6.size
          ? features
          : features & ~Feature.clientId,
    interruptPage: version < Version.v2_4 ? interruptPage : 0,
    parentToChildMonitor,
    childToParentMonitor,
  }
}

/** OpenVMM `initiate_contact`; the steps are those of wire/02 §3. */
export function onInitiateContact(ctx: HostContext, payload: Uint8Array, connectionId: number): void {
  const contact = parseContact(payload, connectionId)
  const { version, vp, sint } = contact
  const unsupported = (branch: Parameters<typeof reject>[1]): void => {
    reject(ctx, branch, { version, vp, sint })
    dropWaiting(ctx, vp, sint, MessageId.versionResponse)
    sendTo(ctx, vp, sint, UNSUPPORTED)
    ctx.emit({ kind: 'refused', version })
  }
  if (contact.vtl !== 0) return unsupported('contact-vtl')
  if (sint !== VMBUS_SINT) return unsupported('contact-sint')
  disconnect(ctx, 'contact')
  if (!ctx.versions.has(version)) return unsupported('contact-version')
  const accepted: Connection = {
    version,
    features: contact.features & ctx.features,
    vp,
    interruptPage: contact.interruptPage,
    parentToChildMonitor: contact.parentToChildMonitor,
    childToParentMonitor: contact.childToParentMonitor,
    offersRequested: false,
    paused: false,
  }
  const serverPages =
    accepted.features & Feature.serverSpecifiedMonitorPages ? ctx.options.serverMonitorPages : undefined
  const { memory } = ctx.options.partition
  const monitors = serverPages === undefined ? isPair : isWhole
  const branch = !monitors(memory, accepted.parentToChildMonitor, accepted.childToParentMonitor)
    ? 'contact-monitor'
    : accepted.interruptPage !== 0 && !isRamPage(memory, accepted.interruptPage)
      ? 'contact-interrupt-page'
      : undefined
  // Before 2.4 the response has no state: every failure is "not supported".
  if (branch !== undefined && version < Version.v2_4) return unsupported(branch)
  const state = branch === undefined ? CONNECTION_SUCCESSFUL : CONNECTION_FAILED_UNKNOWN
  if (branch === undefined) {
    if (serverPages !== undefined) {
      accepted.parentToChildMonitor = serverPages.parentToChild
      accepted.childToParentMonitor = serverPages.childToParent
    }
    ctx.state.connection = accepted
    ctx.state.contacts++
  } else reject(ctx, branch, { version })
  sendTo(ctx, vp, VMBUS_SINT, versionResponse(ctx, accepted, state))
  ctx.emit(branch === undefined ? { kind: 'connected', version } : { kind: 'refused', version })
}

function versionResponse(ctx: HostContext, accepted: Connection, connectionState: number): Uint8Array {
  const { version, features } = accepted
  const selected = version >= Version.v5_0 ? (ctx.options.messageConnection ?? ConnectionId.multiclient) : version
  const fields = { supported: 1, connectionState, selected }
  if (version < Version.v6_0) return encode(layouts.versionResponse, MessageId.versionResponse, fields)
  // A failure names no pages, whatever was agreed on.
  if ((features & Feature.serverSpecifiedMonitorPages) === 0 || connectionState !== CONNECTION_SUCCESSFUL)
    return encode(layouts.versionResponseV6, MessageId.versionResponse, { ...fields, features })
  const { parentToChildMonitor, childToParentMonitor } = accepted
  return encode(layouts.versionResponseV6Monitor, MessageId.versionResponse, {
    ...fields,
    features,
    parentToChildMonitor,
    childToParentMonitor,
  })
}

/** Both or none: half a pair is a failure, also where the host gives its own pages (OpenVMM handle_initiate_contact). */
function isWhole(_memory: GuestMemory, parentToChild: number, childToParent: number): boolean {
  return (parentToChild === 0) === (childToParent === 0)
}

function isPair(memory: GuestMemory, parentToChild: number, childToParent: number): boolean {
  if (parentToChild === 0 && childToParent === 0) return true
  return (
    isWhole(memory, parentToChild, childToParent) &&
    isRamPage(memory, parentToChild) &&
    isRamPage(memory, childToParent)
  )
}

/** Half a pair, and pages in place of the host's, are a failure that changes nothing (OpenVMM modify_connection). */
export function onModifyConnection(ctx: HostContext, payload: Uint8Array): void {
  const { connection } = ctx.state
  if (connection === null) return
  const { parentToChildMonitor, childToParentMonitor } = layouts.modifyConnection.parse(payload)
  const isHosts = (connection.features & Feature.serverSpecifiedMonitorPages) !== 0
  const valid = !isHosts && isPair(ctx.options.partition.memory, parentToChildMonitor, childToParentMonitor)
  if (valid) {
    // What the guest said through the page that it takes away.
    pollMonitor(ctx)
    connection.parentToChildMonitor = parentToChildMonitor
    connection.childToParentMonitor = childToParentMonitor
    scheduleMonitor(ctx)
  } else reject(ctx, 'connection-monitor')
  send(
    ctx,
    encode(layouts.modifyConnectionResponse, MessageId.modifyConnectionResponse, {
      connectionState: valid ? CONNECTION_SUCCESSFUL : CONNECTION_FAILED_UNKNOWN,
    }),
  )
}

export function onUnload(ctx: HostContext): void {
  const { connection } = ctx.state
  if (connection === null) return
  const { vp, version } = connection
  disconnect(ctx, 'unload')
  if (version >= Version.v1_1) sendTo(ctx, vp, VMBUS_SINT, encode(layouts.bare, MessageId.unloadResponse, {}))
}

/** The guest wants no messages for a while; what it asks is answered after RESUME. */
export function onPause(ctx: HostContext): void {
  const { connection } = ctx.state
  if (connection === null) return
  send(ctx, encode(layouts.bare, MessageId.pauseResponse, {}))
  connection.paused = true
}

export function onResume(ctx: HostContext): void {
  const { connection } = ctx.state
  if (connection === null) return
  connection.paused = false
  flush(ctx)
}

/**
 * Closes every channel, children first, and forgets the guest's pages. No guest page is written from here on, but for the
 * rings of reserved channels, which outlive the connection. A reset ends those too, and all that waits for the guest.
 */
export function disconnect(ctx: HostContext, reason: 'unload' | 'contact' | 'reset'): void {
  const { state } = ctx
  const isReset = reason === 'reset'
  const wasConnected = state.connection !== null
  // A guest that asks anew waits no more for what it was told before, connected or not.
  dropOutgoing(ctx, isReset)
  state.connection = null
  const channels = [...state.channels.values()].toSorted((a, b) => b.subchannelIndex - a.subchannelIndex)
  for (const channel of channels) if (isReset || !isOpenReserved(channel)) end(ctx, channel)
  clearTimer(ctx, 'monitor')
  if (wasConnected) ctx.emit({ kind: 'disconnected', reason })
}

/** The guest has let go of a channel, or is gone: nothing of it is left on the channel. */
export function end(ctx: HostContext, channel: ChannelState): void {
  if (isOpen(channel)) close(ctx, channel)
  if (channel.relid !== 0) forgetGpadls(ctx, channel.relid)
  if (isRevoked(channel) || channel.subchannelIndex > 0) ctx.state.channels.delete(channel.key)
  else if (!channel.reserved) {
    channel.phase = 'unoffered'
    channel.relid = 0
    channel.monitorId = NO_MONITOR
    channel.connectionId = 0
  }
}
