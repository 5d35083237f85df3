import { type IpBytes } from './address.ts'

/** A transport message on its way up: `bytes[start, end)`, and between whom. Valid during the call. */
export interface Received {
  readonly source: IpBytes
  readonly destination: IpBytes
  readonly protocol: number
  readonly bytes: Uint8Array
  /** Where the IP header begins, -1 in a datagram that was put together. */
  readonly network: number
  readonly start: number
  readonly end: number
  readonly hops: number
  /** The frame's sender vouches for the transport checksum (it did not cross a wire). */
  readonly trusted: boolean
  /** The frame was sent to a group of stations. */
  readonly toGroup: boolean
  /** It came in fragments, or as the only one of a datagram. */
  readonly fragmented: boolean
}

/** What is wrong with a packet, as its sender is told (RFC 792 and RFC 4443, 3.4: Parameter Problem). */
export interface Problem {
  readonly code: number
  /** Bytes from the start of the IP header. */
  readonly pointer: number
  /** Told even if the packet was for a group (RFC 4443, 2.4, e.3). */
  readonly evenToGroups?: boolean
}

/** A packet or a fragment of one as it was parsed. With a problem it goes no further. */
export interface Parsed {
  readonly received: Received
  readonly fragment?: { readonly id: number; readonly offset: number; readonly more: boolean }
  readonly problem?: Problem
}
