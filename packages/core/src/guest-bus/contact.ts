import { VMBUS_SINT } from '@vmbus/hypervisor'
import { MessageId, encode, layouts } from '../messages/index.ts'
import { ConnectionId, Feature, Version } from '../versions.ts'
import { reject, type GuestContext } from './context.ts'
import { post, postOn } from './post.ts'

/** Asks for the version whose turn it is; without one left the bus has failed. */
export function contact(ctx: GuestContext): void {
  const { state, options, behaviour } = ctx
  const version = options.versions[state.attempt]
  if (version === undefined) {
    state.phase = 'failed'
    state.version = 0
    ctx.emit({ kind: 'failed' })
    return
  }
  state.phase = 'contacting'
  const { parentToChildMonitor, childToParentMonitor, interrupt } = state.pages
  const common = { version, targetVp: behaviour.connectVp, parentToChildMonitor, childToParentMonitor }
  if (version < Version.v5_0) {
    const interruptPage = version < behaviour.interruptPageBelow ? interrupt : 0
    return postOn(
      ctx,
      ConnectionId.messages,
      encode(layouts.initiateContact, MessageId.initiateContact, { ...common, interruptPage }),
    )
  }
  const features = version >= Version.v6_0 ? behaviour.features & ~Feature.clientId : 0
  postOn(
    ctx,
    ConnectionId.multiclient,
    encode(layouts.initiateContactV5, MessageId.initiateContact, { ...common, sint: VMBUS_SINT, features }),
  )
}

export function nextVersion(ctx: GuestContext): void {
  ctx.state.attempt++
  contact(ctx)
}

export function onVersionResponse(ctx: GuestContext, payload: Uint8Array): void {
  const { state, options, behaviour } = ctx
  const version = options.versions[state.attempt]
  if (state.phase !== 'contacting' || version === undefined) return reject(ctx, 'version-unexpected')
  const { supported, connectionState, selected } = layouts.versionResponse.parse(payload)
  if (supported === 0) return nextVersion(ctx)
  if (connectionState !== 0 && behaviour.checksConnectionState) {
    reject(ctx, 'version-state', { version, connectionState })
    return nextVersion(ctx)
  }
  state.version = version
  state.connection = version >= Version.v5_0 ? selected : ConnectionId.messages
  state.features = 0
  state.monitor = state.pages.childToParentMonitor
  if (version >= Version.v6_0 && payload.length >= layouts.versionResponseV6.size) {
    state.features = layouts.versionResponseV6.parse(payload).features & behaviour.features
    takeServerPages(ctx, payload)
  }
  state.phase = 'requesting'
  state.allOffers = false
  ctx.emit({ kind: 'connected', version })
  post(ctx, encode(layouts.bare, MessageId.requestOffers, {}))
}

/** Monitor pages of the host's choice, which the guest then signals through. */
function takeServerPages(ctx: GuestContext, payload: Uint8Array): void {
  const { state, options } = ctx
  if (
    (state.features & Feature.serverSpecifiedMonitorPages) === 0 ||
    payload.length < layouts.versionResponseV6Monitor.size
  )
    return
  const { childToParentMonitor } = layouts.versionResponseV6Monitor.parse(payload)
  if (
    childToParentMonitor % 4096 === 0 &&
    childToParentMonitor !== 0 &&
    childToParentMonitor + 4096 <= options.partition.memory.size
  )
    state.monitor = childToParentMonitor
  else {
    reject(ctx, 'version-pages', { childToParentMonitor })
    state.monitor = 0
  }
}
