import { ALL_VERSIONS, MessageId, layouts, messageEntry } from '@vmbus/core'
import type { TraceEvent } from '@vmbus/world'
import type { BusWatch, Channel, Grant, Judge } from './bus-state.ts'

/** Bytes before the ranges of a GPADL's header and body. */
const HEADER_BYTES = layouts.gpadlHeader.size
const BODY_BYTES = layouts.gpadlBody.size

/** Follows the channel messages of one guest on one host. What both may do at the same time breaks no rule. */
export function busWatch({ exercised, broken }: Judge): BusWatch {
  const channels = new Map<number, Channel>()
  const grants = new Map<number, Grant>()
  const refused = new Set<number>()
  const opened = new Set<string>()
  let [version, asked, contacts, unloads, offerRequests] = [0, 0, 0, 0, 0]
  let greeted = false
  let left = false

  const check = (rule: string, kept: boolean, how: () => string): void => {
    exercised(rule)
    if (!kept) broken(rule, how())
  }
  const forget = (): void => {
    channels.clear()
    grants.clear()
    offerRequests = 0
  }

  const fromGuest: Readonly<Record<number, (bytes: Uint8Array) => void>> = {
    [MessageId.initiateContact](bytes) {
      asked = layouts.initiateContact.parse(bytes).version
      check('guest-version-once', !refused.has(asked), () => `version 0x${asked.toString(16)} was refused before`)
      exercised('host-contact-answered')
      contacts++
      forget()
      version = 0
      left = false
    },
    [MessageId.requestOffers]() {
      check('guest-offers-once', version !== 0 && offerRequests === 0, () =>
        version === 0 ? 'before a version was accepted' : 'a second request',
      )
      exercised('host-offers-end')
      offerRequests++
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
      complete(gpadl)
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
      complete(gpadl)
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
      if (version >= 0x1_0001) exercised('host-unload-answered')
      unloads++
    },
  }

  function complete(gpadl: number): void {
    const grant = grants.get(gpadl)
    if (grant === undefined || grant.left > 0) return
    check('guest-gpadl-whole', grant.left > -8, () => `GPADL ${gpadl} has ${-grant.left} bytes more than announced`)
    if (grant.phase === 'sending') grant.phase = 'asked'
    else if (grant.phase === 'refused') grants.delete(gpadl)
  }

  const fromHost: Readonly<Record<number, (bytes: Uint8Array) => void>> = {
    [MessageId.versionResponse](bytes) {
      const { supported, connectionState } = layouts.versionResponse.parse(bytes)
      check('host-contact-answered', contacts > 0, () => 'nobody asked')
      contacts--
      if (supported === 0 || connectionState !== 0) return void refused.add(asked)
      check(
        'host-contact-answered',
        ALL_VERSIONS.includes(asked),
        () => `accepted 0x${asked.toString(16)}, which is no version`,
      )
      version = asked
      refused.clear()
    },
    [MessageId.offerChannel](bytes) {
      const { relid, subchannelIndex, interfaceId, instanceId, flags } = layouts.offerChannel.parse(bytes)
      check('host-offer-after-request', offerRequests > 0, () => `relid ${relid}`)
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
      check('host-offers-end', offerRequests === 1, () => (offerRequests === 0 ? 'nobody asked' : 'told twice'))
      offerRequests++
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
      check('host-unload-answered', unloads > 0, () => 'nobody asked')
      unloads = 0
      left = true
      exercised('host-silent-after-unload')
    },
  }

  function message(event: Extract<TraceEvent, { kind: 'message' }>): void {
    const { to, bytes } = event
    const id = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0, true)
    const entry = messageEntry(id)
    const isContact = id === MessageId.initiateContact || id === MessageId.versionResponse
    const isKnown =
      entry !== undefined && entry.to === to && bytes.length >= entry.minimum && (isContact || entry.since <= version)
    if (to === 'host') {
      check('guest-contact-first', greeted || isContact, () => `message ${id}`)
      greeted = true
      exercised('guest-bus-accepted')
      check(
        'guest-known-message',
        isKnown,
        () => `message ${id} of ${bytes.length} bytes in version 0x${version.toString(16)}`,
      )
      if (unloads > 0 || left) check('guest-unload', isContact, () => `message ${id} after UNLOAD`)
      if (isKnown) fromGuest[id]?.(bytes)
    } else {
      exercised('host-bus-accepted')
      check(
        'host-known-message',
        isKnown,
        () => `message ${id} of ${bytes.length} bytes in version 0x${version.toString(16)}`,
      )
      if (left) broken('host-silent-after-unload', `message ${id}`)
      if (isKnown) fromHost[id]?.(bytes)
    }
  }

  return {
    opened,
    get connected() {
      return version !== 0
    },
    get unloaded() {
      return unloads > 0 || left
    },
    get left() {
      return left
    },
    isOpen: (relid) => ['open', 'opening'].includes(channels.get(relid)?.phase ?? ''),
    channelOf: (relid) => channels.get(relid),
    subchannelsOf: (instanceId) =>
      [...channels.values()].filter((each) => each.instanceId === instanceId && each.subchannelIndex > 0).length,
    grantBytes: (gpadl) => (grants.get(gpadl)?.phase === 'created' ? grants.get(gpadl)?.bytes : undefined),
    see(event) {
      if (event.kind === 'message') message(event)
      // Hosts ignore what guests signal on closed channels, and most do not tell of it.
      if (event.kind !== 'signal' || event.to === 'host') return
      check(
        'host-signal-open',
        ['open', 'opening'].includes(channels.get(event.relid)?.phase ?? ''),
        () => `relid ${event.relid} is ${channels.get(event.relid)?.phase ?? 'not offered'}`,
      )
    },
    settled() {
      if (contacts > 0) broken('host-contact-answered', `${contacts} without answer`)
      if (offerRequests === 1) broken('host-offers-end', 'never told')
      if (unloads > 0 && version >= 0x1_0001) broken('host-unload-answered', 'never answered')
      // A guest that leaves is owed nothing else.
      if (left || unloads > 0) return
      for (const [relid, channel] of channels) {
        if (channel.phase === 'opening' && !channel.rescinded)
          broken('host-open-answered', `relid ${relid} without answer`)
        if (channel.rescinded) broken('guest-release', `relid ${relid} was never released`)
      }
      for (const [gpadl, grant] of grants) {
        if (grant.phase === 'sending') broken('guest-gpadl-whole', `GPADL ${gpadl} lacks ${grant.left} bytes`)
        else if (grant.phase === 'asked' || grant.phase === 'leaving')
          broken('host-gpadl-answered', `GPADL ${gpadl} without answer`)
      }
    },
  }
}
