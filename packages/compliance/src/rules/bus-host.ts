import { ALL_VERSIONS, MessageId, layouts } from '@vmbus/core'
import type { BusLog, Handlers } from './bus-log.ts'

/** What a host says by itself, or to a contact. */
function offers(ctx: BusLog): Handlers {
  const { channels, refused, check, exercised } = ctx
  return {
    [MessageId.versionResponse](bytes) {
      const { supported, connectionState } = layouts.versionResponse.parse(bytes)
      check('host-contact-answered', ctx.contacts > 0, () => 'nobody asked')
      ctx.contacts--
      if (supported === 0 || connectionState !== 0) return void refused.add(ctx.asked)
      check(
        'host-contact-answered',
        ALL_VERSIONS.includes(ctx.asked),
        () => `accepted 0x${ctx.asked.toString(16)}, which is no version`,
      )
      ctx.version = ctx.asked
      refused.clear()
    },
    [MessageId.offerChannel](bytes) {
      const { relid, subchannelIndex, interfaceId, instanceId, flags } = layouts.offerChannel.parse(bytes)
      check('host-offer-after-request', ctx.offerRequests > 0, () => `relid ${relid}`)
      check('host-relid-unique', !channels.has(relid) && relid !== 0, () => `relid ${relid}`)
      const primary = [...channels.values()].some(
        (each) => each.instanceId === instanceId && each.subchannelIndex === 0 && !each.rescinded,
      )
      if (subchannelIndex > 0)
        check('host-children', primary, () => `subchannel ${subchannelIndex} without its primary`)
      channels.set(relid, {
        subchannelIndex,
        interfaceId,
        instanceId,
        flags,
        phase: 'offered',
        openId: 0,
        ring: 0,
        rescinded: false,
      })
    },
    [MessageId.allOffersDelivered]() {
      check('host-offers-end', ctx.offerRequests === 1, () => (ctx.offerRequests === 0 ? 'nobody asked' : 'told twice'))
      ctx.offerRequests++
    },
    [MessageId.rescindChannelOffer](bytes) {
      const { relid } = layouts.rescindChannelOffer.parse(bytes)
      const channel = channels.get(relid)
      check(
        'host-rescind-known',
        channel?.rescinded === false,
        () => `relid ${relid} is ${channel === undefined ? 'not offered' : 'rescinded already'}`,
      )
      if (channel === undefined) return
      if (channel.subchannelIndex === 0) {
        const child = [...channels.values()].find(
          (each) => each.instanceId === channel.instanceId && each.subchannelIndex > 0 && !each.rescinded,
        )
        check('host-children', child === undefined, () => `subchannel ${child?.subchannelIndex} outlives its primary`)
      }
      channel.rescinded = true
      exercised('guest-release')
    },
  }
}

/** A host's answers. */
function answers(ctx: BusLog): Handlers {
  const { channels, grants, opened, check, exercised } = ctx
  return {
    [MessageId.openChannelResult](bytes) {
      const { relid, openId, status } = layouts.openChannelResult.parse(bytes)
      const channel = channels.get(relid)
      check(
        'host-open-answered',
        channel?.phase === 'opening' && channel.openId === openId,
        () => `relid ${relid}, open id ${openId}: ${channel?.phase ?? 'not offered'}`,
      )
      if (channel === undefined) return
      channel.phase = status === 0 ? 'open' : 'closed'
      if (status === 0) opened.add(channel.interfaceId)
    },
    [MessageId.gpadlCreated](bytes) {
      const { gpadl, status } = layouts.gpadlCreated.parse(bytes)
      const grant = grants.get(gpadl)
      check(
        'host-gpadl-answered',
        grant?.phase === 'asked' || grant?.phase === 'sending',
        () => `GPADL ${gpadl} is ${grant?.phase ?? 'unknown'}`,
      )
      if (grant === undefined) return
      if (status === 0) grant.phase = 'created'
      else if (grant.left > 0) grant.phase = 'refused'
      else grants.delete(gpadl)
    },
    [MessageId.gpadlTorndown](bytes) {
      const { gpadl } = layouts.gpadlTorndown.parse(bytes)
      check(
        'host-gpadl-answered',
        grants.get(gpadl)?.phase === 'leaving',
        () => `GPADL ${gpadl} is ${grants.get(gpadl)?.phase ?? 'unknown'}`,
      )
      grants.delete(gpadl)
    },
    [MessageId.unloadResponse]() {
      check('host-unload-answered', ctx.unloads > 0, () => 'nobody asked')
      ctx.unloads = 0
      ctx.left = true
      exercised('host-silent-after-unload')
    },
  }
}

/** The messages of a host, each with what it may break. */
export const hostMessages = (ctx: BusLog): Handlers => ({ ...offers(ctx), ...answers(ctx) })
