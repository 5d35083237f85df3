import type { HostBusEvent } from '@vmbus/core'
import type { TraceEvent } from '@vmbus/world'
import type { RealDevice } from './device.ts'

/** Messages of a guest after which a channel is closed: CLOSECHANNEL, INITIATE_CONTACT, UNLOAD (Linux include/linux/hyperv.h). */
const CLOSING: ReadonlySet<number | undefined> = new Set([7, 14, 16])

/** What each device measured. A channel that is closed forgets what it negotiated; its last figures are those before. */
export interface Figures {
  /** To be told of each event before the bus looks at it. */
  trace(event: TraceEvent): void
  heard(event: HostBusEvent): void
  result(): Readonly<Record<string, unknown>>
}

export function figuresOf(devices: ReadonlyMap<string, RealDevice>): Figures {
  const measure = (): Map<string, unknown> =>
    new Map([...devices].map(([kind, device]) => [kind, device.result?.() ?? null]))
  let before = new Map<string, unknown>()
  const closed = new Map<string, unknown>()
  return {
    trace(event) {
      if (event.kind === 'message' && event.to === 'host' && CLOSING.has(event.bytes[0])) before = measure()
    },
    heard(event) {
      if (!('subchannelIndex' in event) || event.subchannelIndex !== 0) return
      if (event.kind === 'opened') closed.delete(event.device)
      if (event.kind === 'closed' && before.has(event.device)) closed.set(event.device, before.get(event.device))
    },
    result: () => Object.fromEntries([...measure()].map(([kind, now]) => [kind, closed.get(kind) ?? now])),
  }
}
