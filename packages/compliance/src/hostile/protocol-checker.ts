import { MessageId, layouts, messageEntry } from '@vmbus/core'
import type { TraceEvent } from '@vmbus/world'

/** Follows the messages of one end, and reports what not even a hostile peer may make it say. */
export interface ProtocolChecker {
  see(event: TraceEvent): void
  /** The connection ended without UNLOAD, as by a reset of the guest. */
  reset(): void
}

/** Answers of a host to the message that asks for them, by id: never more of one than of the other. */
const ANSWERS: Readonly<Record<number, number>> = {
  [MessageId.versionResponse]: MessageId.initiateContact,
  [MessageId.allOffersDelivered]: MessageId.requestOffers,
  [MessageId.openChannelResult]: MessageId.openChannel,
  [MessageId.gpadlCreated]: MessageId.gpadlHeader,
  [MessageId.gpadlTorndown]: MessageId.gpadlTeardown,
  [MessageId.unloadResponse]: MessageId.unload,
  [MessageId.closeReservedChannelResponse]: MessageId.closeReservedChannel,
  [MessageId.modifyChannelResponse]: MessageId.modifyChannel,
  [MessageId.tlConnectResult]: MessageId.tlConnectRequest,
  [MessageId.modifyConnectionResponse]: MessageId.modifyConnection,
  [MessageId.pauseResponse]: MessageId.pause,
}

/** Reserved channels do not belong to a connection: their answers may come without one. */
const WITHOUT_CONNECTION: ReadonlySet<number> = new Set([
  MessageId.versionResponse,
  MessageId.closeReservedChannelResponse,
])

const idOf = (bytes: Uint8Array): number =>
  bytes.length < layouts.messageHeader.size ? -1 : layouts.messageHeader.parse(bytes).msgtype

/**
 * What a host's messages must show whatever its guest says: each request is answered at most once, no relid is used again
 * before its release, only what the version and features in force allow is said, and nothing after UNLOAD (wire/02).
 */
export function hostChecker(version: () => number, bad: (text: string) => void): ProtocolChecker {
  const asked = new Map<number, number>()
  const live = new Set<number>()
  /** Relids that were released before their offer was delivered (it waits behind a pause, or a full slot): a guest may guess. */
  const early = new Set<number>()
  /** Relids that were asked to be opened as reserved channels. */
  const reserved = new Set<number>()
  let features = 0
  let offersRequested = false

  const forget = (): void => {
    live.clear()
    early.clear()
    offersRequested = false
  }
  const fromGuest = (bytes: Uint8Array): void => {
    const id = idOf(bytes)
    asked.set(id, (asked.get(id) ?? 0) + 1)
    if (id === MessageId.initiateContact && bytes.length >= layouts.initiateContactV5.size)
      ({ features } = layouts.initiateContactV5.parse(bytes))
    if (id === MessageId.requestOffers) offersRequested = true
    if (id === MessageId.relidReleased && bytes.length >= layouts.relidReleased.size) {
      const { relid } = layouts.relidReleased.parse(bytes)
      if (!live.delete(relid) && offersRequested) early.add(relid)
    }
    // A crash kernel opens a reserved channel by another message, with the same answer.
    if (id === MessageId.openReservedChannel) {
      asked.set(MessageId.openChannel, (asked.get(MessageId.openChannel) ?? 0) + 1)
      if (bytes.length >= layouts.openReservedChannel.size) reserved.add(layouts.openReservedChannel.parse(bytes).relid)
    }
  }
  const fromHost = (bytes: Uint8Array): void => {
    const id = idOf(bytes)
    const entry = messageEntry(id)
    if (entry?.to !== 'guest') return bad(`message ${id} is not one of a host`)
    if (bytes.length < entry.layout.size) bad(`${entry.name} of ${bytes.length} bytes`)
    const connected = version() !== 0
    if (connected && entry.since > version() && !WITHOUT_CONNECTION.has(id))
      bad(`${entry.name} in version 0x${version().toString(16)}`)
    const request = ANSWERS[id]
    if (request !== undefined) {
      const left = (asked.get(request) ?? 0) - 1
      asked.set(request, left)
      if (left < 0) bad(`${entry.name} that answers nothing`)
    }
    const outlives = id === MessageId.openChannelResult && reserved.has(layouts.openChannelResult.parse(bytes).relid)
    if (!connected && !WITHOUT_CONNECTION.has(id) && id !== MessageId.unloadResponse && !outlives)
      bad(`${entry.name} without a connection`)
    if (id === MessageId.versionResponse && bytes.length >= layouts.versionResponseV6.size) {
      const agreed = layouts.versionResponseV6.parse(bytes).features
      if ((agreed & ~features) !== 0) bad(`features 0x${agreed.toString(16)} of 0x${features.toString(16)}`)
    }
    if (id !== MessageId.offerChannel) return
    const { relid, subchannelIndex } = layouts.offerChannel.parse(bytes)
    if (!offersRequested) bad(`relid ${relid} offered before the request`)
    if (early.delete(relid)) return
    if (live.has(relid)) bad(`relid ${relid} reused before its release`)
    if (subchannelIndex > 0 && live.size === 0) bad('a subchannel before its primary')
    live.add(relid)
  }

  return {
    see(event) {
      if (event.kind === 'message') (event.to === 'host' ? fromGuest : fromHost)(event.bytes)
      if (event.kind === 'signal' && event.to === 'guest' && event.relid === 0) bad('a signal on no channel')
    },
    reset: forget,
  }
}

/** The same of a guest: its messages are whole, of the version in force, and after UNLOAD there is but a new contact. */
export function guestChecker(version: () => number, bad: (text: string) => void): ProtocolChecker {
  let left = false
  return {
    see(event) {
      if (event.kind !== 'message' || event.to !== 'host') return
      const id = idOf(event.bytes)
      const entry = messageEntry(id)
      if (entry?.to !== 'host') return bad(`message ${id} is not one of a guest`)
      if (event.bytes.length < entry.layout.size) bad(`${entry.name} of ${event.bytes.length} bytes`)
      if (id === MessageId.initiateContact) {
        left = false
        return
      }
      if (left) bad(`${entry.name} after UNLOAD`)
      if (version() !== 0 && entry.since > version()) bad(`${entry.name} in version 0x${version().toString(16)}`)
      if (id === MessageId.unload) left = true
    },
    reset() {
      left = false
    },
  }
}
