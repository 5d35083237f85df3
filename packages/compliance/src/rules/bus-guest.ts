import { MessageId, layouts } from '@vmbus/core'
import { forget, type BusLog, type Handlers } from './bus-log.ts'

/** Bytes before the ranges of a GPADL's header and body. */
const HEADER_BYTES = layouts.gpadlHeader.size
const BODY_BYTES = layouts.gpadlBody.size

/** What a guest says of its connection and its channels. */
function connection(ctx: BusLog): Handlers {
  const { channels, grants, refused, check, exercised } = ctx
  return {
    [MessageId.initiateContact](bytes) {
      ctx.asked = layouts.initiateContact.parse(bytes).version
      check(
        'guest-version-once',
        !refused.has(ctx.asked),
        () => `version 0x${ctx.asked.toString(16)} was refused before`,
      )
      exercised('host-contact-answered')
      ctx.contacts++
      forget(ctx)
      ctx.version = 0
      ctx.left = false
    },
    [MessageId.requestOffers]() {
      check('guest-offers-once', ctx.version !== 0 && ctx.offerRequests === 0, () =>
        ctx.version === 0 ? 'before a version was accepted' : 'a second request',
      )
      exercised('host-offers-end')
      ctx.offerRequests++
    },
    [MessageId.openChannel](bytes) {
      const { relid, openId, ringGpadl } = layouts.openChannel.parse(bytes)
      const channel = channels.get(relid)
      const isFree = channel !== undefined && (channel.phase === 'offered' || channel.phase === 'closed')
      check(
        'guest-open-offered',
        isFree && grants.get(ringGpadl)?.phase === 'created',
        () =>
          `relid ${relid} is ${channel?.phase ?? 'not offered'}, GPADL ${ringGpadl} ${grants.get(ringGpadl)?.phase ?? 'unknown'}`,
      )
      if (channel === undefined) return
      exercised('host-open-answered')
      Object.assign(channel, { phase: 'opening', openId, ring: ringGpadl })
    },
    [MessageId.closeChannel](bytes) {
      const { relid } = layouts.closeChannel.parse(bytes)
      const channel = channels.get(relid)
      check(
        'guest-close-open',
        channel?.phase === 'open' || channel?.phase === 'opening',
        () => `relid ${relid} is ${channel?.phase ?? 'not offered'}`,
      )
      if (channel !== undefined) channel.phase = 'closed'
    },
    [MessageId.relidReleased](bytes) {
      const { relid } = layouts.relidReleased.parse(bytes)
      check(
        'guest-release',
        channels.get(relid)?.rescinded === true,
        () => `relid ${relid} was ${channels.has(relid) ? 'not rescinded' : 'not offered, or released before'}`,
      )
      channels.delete(relid)
    },
    [MessageId.unload]() {
      exercised('guest-unload')
      if (ctx.version >= 0x1_0001) exercised('host-unload-answered')
      ctx.unloads++
    },
  }
}

/** What a guest says of the memory that it grants. */
function gpadls(ctx: BusLog): Handlers {
  const { channels, grants, check, exercised } = ctx
  return {
    [MessageId.gpadlHeader](bytes) {
      const { gpadl, rangeBytes, ranges } = layouts.gpadlHeader.parse(bytes)
      check(
        'guest-gpadl-id',
        gpadl !== 0 && (!grants.has(gpadl) || grants.get(gpadl)?.phase === 'refused'),
        () => `GPADL ${gpadl} is ${gpadl === 0 ? 'no id' : 'in use'}`,
      )
      exercised('host-gpadl-answered')
      grants.set(gpadl, {
        left: rangeBytes - (bytes.length - HEADER_BYTES),
        bytes: ranges.length < 4 ? 0 : new DataView(ranges.buffer, ranges.byteOffset).getUint32(0, true),
        phase: 'sending',
      })
      complete(ctx, gpadl)
    },
    [MessageId.gpadlBody](bytes) {
      const { gpadl } = layouts.gpadlBody.parse(bytes)
      const grant = grants.get(gpadl)
      // A host need not read the whole list: of a channel that it takes back it answers the header (wire/02 §5).
      check(
        'guest-gpadl-whole',
        grant !== undefined && grant.left > 0,
        () => `a body for GPADL ${gpadl}, which is ${grant?.phase ?? 'unknown'}`,
      )
      if (grant === undefined) return
      grant.left -= bytes.length - BODY_BYTES
      complete(ctx, gpadl)
    },
    [MessageId.gpadlTeardown](bytes) {
      const { gpadl } = layouts.gpadlTeardown.parse(bytes)
      const grant = grants.get(gpadl)
      const inUse = [...channels.values()].find(
        ({ ring, phase, rescinded }) => ring === gpadl && phase === 'open' && !rescinded,
      )
      check(
        'guest-gpadl-teardown',
        grant?.phase === 'created' && inUse === undefined,
        () => `GPADL ${gpadl} is ${inUse === undefined ? (grant?.phase ?? 'unknown') : 'the rings of an open channel'}`,
      )
      if (grant !== undefined) grant.phase = 'leaving'
    },
  }
}

function complete({ grants, check }: BusLog, gpadl: number): void {
  const grant = grants.get(gpadl)
  if (grant === undefined || grant.left > 0) return
  check('guest-gpadl-whole', grant.left > -8, () => `GPADL ${gpadl} has ${-grant.left} bytes more than announced`)
  if (grant.phase === 'sending') grant.phase = 'asked'
  else if (grant.phase === 'refused') grants.delete(gpadl)
}

/** The messages of a guest, each with what it may break. */
export const guestMessages = (ctx: BusLog): Handlers => ({ ...connection(ctx), ...gpadls(ctx) })
