import { TICKS_PER_SECOND } from '@vmbus/world'
import type { Parsed, Received } from './parsed.ts'

interface Part {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** A datagram of which some fragments have come. */
export interface PartialDatagram {
  readonly key: string
  readonly until: number
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly protocol: number
  readonly hops: number
  /** In order of offset, never overlapping. */
  parts: Part[]
  /** Length of the whole, -1 until the last fragment has come. */
  total: number
  held: number
}

export interface Reassembly {
  /** Takes a fragment; returns the whole datagram when this was the last piece. */
  add(fragment: NonNullable<Parsed['fragment']>, received: Received, now: number): Received | undefined
  save(): PartialDatagram[]
  load(partials: readonly PartialDatagram[]): void
}

/** RFC 1122, 3.3.2 and RFC 8200, 4.5 say 60 s; Linux gives 30 s. */
const LIFETIME = 30 * TICKS_PER_SECOND
export const MOST_DATAGRAMS = 16
const LARGEST = 65_535
/** 64 KiB in the fragments of an MTU of 68. */
export const MOST_PARTS = 1400

/** Datagrams being put together: at most 16, the oldest gives way. Fragments that overlap void theirs (RFC 5722). */
export function createReassembly(): Reassembly {
  const partials = new Map<string, PartialDatagram>()

  const accept = (
    partial: PartialDatagram,
    { offset, more }: NonNullable<Parsed['fragment']>,
    bytes: Uint8Array,
  ): boolean => {
    const end = offset + bytes.length
    if (end > LARGEST || bytes.length === 0 || (more && bytes.length % 8 !== 0)) return false
    const index = partial.parts.findIndex((part) => part.offset >= offset)
    const at = index < 0 ? partial.parts.length : index
    const next = partial.parts[at]
    if (next?.offset === offset && next.bytes.length === bytes.length) return true // sent twice
    const before = partial.parts[at - 1]
    if ((next && next.offset < end) || (before && before.offset + before.bytes.length > offset)) return false
    const last = partial.parts.at(-1)
    if (!more) {
      if (partial.total >= 0 || (last && last.offset + last.bytes.length > end)) return false
      partial.total = end
    } else if (partial.total >= 0 && end > partial.total) return false
    partial.parts.splice(at, 0, { offset, bytes: bytes.slice() })
    partial.held += bytes.length
    return partial.parts.length <= MOST_PARTS
  }

  return {
    add(fragment, received, now) {
      for (const [key, partial] of partials) if (partial.until <= now) partials.delete(key)
      const { source, destination, protocol, hops } = received
      const key = `${fragment.id} ${protocol} ${source.join()} ${destination.join()}`
      let partial = partials.get(key)
      if (partial === undefined) {
        const [oldest] = partials.keys()
        if (partials.size >= MOST_DATAGRAMS && oldest !== undefined) partials.delete(oldest)
        partial = {
          key,
          until: now + LIFETIME,
          source: source.slice(),
          destination: destination.slice(),
          protocol,
          hops,
          parts: [],
          total: -1,
          held: 0,
        }
        partials.set(key, partial)
      }
      if (!accept(partial, fragment, received.bytes.subarray(received.start, received.end))) {
        partials.delete(key)
        return undefined
      }
      if (partial.held !== partial.total) return undefined
      partials.delete(key)
      const bytes = new Uint8Array(partial.total)
      for (const part of partial.parts) bytes.set(part.bytes, part.offset)
      return {
        source: partial.source,
        destination: partial.destination,
        protocol,
        hops,
        bytes,
        network: -1,
        start: 0,
        end: bytes.length,
        trusted: received.trusted,
        toGroup: received.toGroup,
        fragmented: true,
      }
    },
    save: () => [...partials.values()].map((partial) => ({ ...partial, parts: [...partial.parts] })),
    load(saved) {
      partials.clear()
      for (const partial of saved) partials.set(partial.key, { ...partial, parts: [...partial.parts] })
    },
  }
}
