import { VMBUS_SINT } from '@vmbus/hypervisor'
import { ALL_VERSIONS, MessageId, layouts, messageEntry } from '../src/index.ts'
import type { Pair } from './pair.ts'

/** Follows the trace of a pair and says which of the invariants of VMBus it broke. */
export interface Watch {
  /** Looks at what happened since the last look. */
  look(): void
  readonly violations: readonly string[]
  /** From here on the host must be silent, until `speaks`. */
  silent(): void
  speaks(): void
}

export function watch(world: Pair): Watch {
  const violations: string[] = []
  let seen = 0
  let isSilent = false
  /** Relids that the guest has not released. */
  const live = new Set<number>()
  let version = 0
  let asked = 0
  let offersRequested = false

  const onGuestMessage = (bytes: Uint8Array): void => {
    const entry = messageEntry(bytes[0] ?? 0)
    if (entry === undefined || entry.to !== 'host') return void violations.push(`guest sent ${bytes[0]}`)
    if (entry.id !== MessageId.initiateContact && entry.since > version)
      violations.push(`guest sent ${entry.name} in version ${version.toString(16)}`)
    if (entry.id === MessageId.initiateContact) {
      asked = layouts.initiateContact.parse(bytes).version
      live.clear()
      version = 0
      offersRequested = false
    }
    if (entry.id === MessageId.unload) {
      live.clear()
      offersRequested = false
    }
    if (entry.id === MessageId.requestOffers) offersRequested = true
    if (entry.id === MessageId.relidReleased) live.delete(layouts.relidReleased.parse(bytes).relid)
  }

  const onHostMessage = (bytes: Uint8Array): void => {
    const entry = messageEntry(bytes[0] ?? 0)
    if (entry === undefined || entry.to !== 'guest') return void violations.push(`host sent ${bytes[0]}`)
    if (entry.id === MessageId.versionResponse) {
      const { supported, connectionState } = layouts.versionResponse.parse(bytes)
      if (supported !== 0 && connectionState === 0) version = asked
      if (supported !== 0 && !ALL_VERSIONS.includes(asked)) violations.push(`host accepted ${asked}`)
    } else if (entry.since > version) violations.push(`host sent ${entry.name} in version ${version.toString(16)}`)
    if (entry.id !== MessageId.offerChannel) return
    const { relid, subchannelIndex } = layouts.offerChannel.parse(bytes)
    if (!offersRequested) violations.push('offer before the request')
    if (live.has(relid)) violations.push(`relid ${relid} reused before its release`)
    if (subchannelIndex > 0 && live.size === 0) violations.push('subchannel before its primary')
    live.add(relid)
  }

  return {
    violations,
    silent: () => {
      isSilent = true
    },
    speaks: () => {
      isSilent = false
    },
    look() {
      for (; seen < world.trace.length; seen++) {
        const event = world.trace[seen]
        if (event === undefined) return
        if ((event.kind === 'message' || event.kind === 'signal') && event.to === 'guest' && isSilent)
          violations.push(`${event.kind} during the pause`)
        if (event.kind === 'message') (event.to === 'host' ? onGuestMessage : onHostMessage)(event.bytes)
      }
    },
  }
}

/** What must be nothing once the guest has left: the last invariant. Throws with what is left. */
export function leftovers(world: Pair): string[] {
  const left: string[] = []
  const { gpadls, gpadlPages, outgoing, incoming, channels } = world.host.inspect() as {
    gpadls: unknown[]
    gpadlPages: number
    outgoing: number
    incoming: number
    channels: { phase: string; relid: number; subchannelIndex: number }[]
  }
  if (gpadls.length > 0 || gpadlPages > 0) left.push(`${gpadls.length} GPADLs of ${gpadlPages} pages at the host`)
  // A guest that gave up waiting has left its answer to the UNLOAD: it is there when the SINT is unmasked.
  const untaken = world.partition.sintReady(0, VMBUS_SINT) ? 0 : 1
  if (outgoing > untaken || incoming > 0) left.push(`${outgoing} outgoing, ${incoming} incoming messages at the host`)
  for (const { phase, relid, subchannelIndex } of channels)
    if (phase !== 'unoffered' || relid !== 0 || subchannelIndex !== 0)
      left.push(`channel ${phase} relid ${relid} subchannel ${subchannelIndex}`)
  if (world.guest.devices.length > 0) left.push(`${world.guest.devices.length} devices in the guest`)
  if ((world.guest.inspect()['gpadls'] as unknown[]).length > 0) left.push('GPADLs in the guest')
  if (world.counts.waiting.size > 0) left.push(`unanswered: ${[...world.counts.waiting].join(', ')}`)
  return left
}
