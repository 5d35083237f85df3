import { MessageId, messageEntry } from '@vmbus/core'
import type { TraceEvent } from '@vmbus/world'
import { guestMessages } from './bus-guest.ts'
import { hostMessages } from './bus-host.ts'
import { busLog, type BusLog, type Handlers } from './bus-log.ts'
import type { BusWatch, Judge } from './bus-state.ts'

type MessageEvent = Extract<TraceEvent, { kind: 'message' }>

/** Follows the channel messages of one guest on one host. What both may do at the same time breaks no rule. */
export function busWatch(judge: Judge): BusWatch {
  const ctx = busLog(judge)
  const { channels, grants, opened, check } = ctx
  const handlers = { guest: guestMessages(ctx), host: hostMessages(ctx) }
  const isOpen = (relid: number): boolean => ['open', 'opening'].includes(channels.get(relid)?.phase ?? '')
  return {
    opened,
    get connected() {
      return ctx.version !== 0
    },
    get unloaded() {
      return ctx.unloads > 0 || ctx.left
    },
    get left() {
      return ctx.left
    },
    isOpen,
    channelOf: (relid) => channels.get(relid),
    subchannelsOf: (instanceId) =>
      [...channels.values()].filter((each) => each.instanceId === instanceId && each.subchannelIndex > 0).length,
    grantBytes: (gpadl) => (grants.get(gpadl)?.phase === 'created' ? grants.get(gpadl)?.bytes : undefined),
    see(event) {
      if (event.kind === 'message') message(ctx, handlers, event)
      // Hosts ignore what guests signal on closed channels, and most do not tell of it.
      if (event.kind !== 'signal' || event.to === 'host') return
      const { relid } = event
      check('host-signal-open', isOpen(relid), () => `relid ${relid} is ${channels.get(relid)?.phase ?? 'not offered'}`)
    },
    settled: () => settled(ctx),
  }
}

/** Judges a message by its sender, and notes what it says. */
function message(
  ctx: BusLog,
  handlers: { readonly host: Handlers; readonly guest: Handlers },
  event: MessageEvent,
): void {
  const { check, broken, exercised } = ctx
  const { to, bytes } = event
  const id = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0, true)
  const entry = messageEntry(id)
  const isContact = id === MessageId.initiateContact || id === MessageId.versionResponse
  const isKnown =
    entry !== undefined && entry.to === to && bytes.length >= entry.minimum && (isContact || entry.since <= ctx.version)
  if (to === 'host') {
    check('guest-contact-first', ctx.greeted || isContact, () => `message ${id}`)
    ctx.greeted = true
    exercised('guest-bus-accepted')
    check(
      'guest-known-message',
      isKnown,
      () => `message ${id} of ${bytes.length} bytes in version 0x${ctx.version.toString(16)}`,
    )
    if (ctx.unloads > 0 || ctx.left) check('guest-unload', isContact, () => `message ${id} after UNLOAD`)
    if (isKnown) handlers.guest[id]?.(bytes)
  } else {
    exercised('host-bus-accepted')
    check(
      'host-known-message',
      isKnown,
      () => `message ${id} of ${bytes.length} bytes in version 0x${ctx.version.toString(16)}`,
    )
    if (ctx.left) broken('host-silent-after-unload', `message ${id}`)
    if (isKnown) handlers.host[id]?.(bytes)
  }
}

/** What was never answered, and what was never given back. */
function settled(ctx: BusLog): void {
  const { broken, channels, grants } = ctx
  if (ctx.contacts > 0) broken('host-contact-answered', `${ctx.contacts} without answer`)
  if (ctx.offerRequests === 1) broken('host-offers-end', 'never told')
  if (ctx.unloads > 0 && ctx.version >= 0x1_0001) broken('host-unload-answered', 'never answered')
  // A guest that has said UNLOAD gets no other answer.
  if (ctx.left || ctx.unloads > 0) return
  for (const [relid, channel] of channels) {
    if (channel.phase === 'opening' && !channel.rescinded) broken('host-open-answered', `relid ${relid} without answer`)
    if (channel.rescinded) broken('guest-release', `relid ${relid} was never released`)
  }
  for (const [gpadl, grant] of grants) {
    if (grant.phase === 'sending') broken('guest-gpadl-whole', `GPADL ${gpadl} lacks ${grant.left} bytes`)
    else if (grant.phase === 'asked' || grant.phase === 'leaving')
      broken('host-gpadl-answered', `GPADL ${gpadl} without answer`)
  }
}
