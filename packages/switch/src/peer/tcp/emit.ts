import { PROTOCOL } from '../../packet.ts'
import type { IpBytes } from '../address.ts'
import { IPV4_HEADER, IPV6_HEADER, type Outgoing } from '../packets.ts'
import type { Received } from '../parsed.ts'
import { receiveNext } from './input.ts'
import type { Emit } from './output.ts'
import { FLAG, TCP_HEADER, buildSegment, type Segment } from './segment.ts'
import { seqAdd } from './sequence.ts'

/** What segments go out by. */
export interface Sending {
  readonly mtu: number
  /** Bytes of each socket's send and receive buffer. */
  readonly buffer: number
  send(outgoing: Outgoing, source: IpBytes, destination: IpBytes, protocol: number): void
}

export const LARGEST_WINDOW_FIELD = 0xffff

/** The window scale by which all of a buffer can be offered (RFC 7323, 2.3). */
export const windowShift = (capacity: number): number =>
  Math.max(0, Math.ceil(Math.log2(capacity / LARGEST_WINDOW_FIELD)))

export const mssFor = (mtu: number, address: IpBytes): number =>
  mtu - TCP_HEADER - (address.length === 4 ? IPV4_HEADER : IPV6_HEADER)

/** Sends a connection's segments, each with the window as it is. */
export function emitter(deps: Sending): Emit {
  const capacity = deps.buffer
  return (connection, sequence, flags, position, length) => {
    const { n, local, remote, sending, receiving } = connection
    let space = receiving.read + capacity - receiving.next
    // RFC 9293, 3.8.6.2.2: no small windows are offered, but none is taken back.
    if (space < Math.min(capacity / 2, n.mss)) space = Math.max(0, n.advertised - receiving.next)
    const shift = flags & FLAG.syn ? 0 : n.receiveShift
    const window = Math.min(LARGEST_WINDOW_FIELD, space >> shift)
    if (flags & (FLAG.ack | FLAG.syn)) n.advertised = Math.max(n.advertised, receiving.next + (window << shift))
    if (flags & FLAG.ack) {
      n.ackNow = false
      n.ackAt = Infinity
      n.unacknowledgedSegments = 0
    }
    const header = {
      source: local.address,
      destination: remote.address,
      sourcePort: local.port,
      destinationPort: remote.port,
      sequence,
      acknowledgment: flags & FLAG.ack ? receiveNext(connection) : 0,
      flags,
      window,
      mss: mssFor(deps.mtu, local.address),
      windowScale: n.receiveShift > 0 ? n.receiveShift : -1,
    }
    const fill =
      length > 0 ? (target: Uint8Array, at: number): void => sending.copy(position, length, target, at) : undefined
    deps.send(buildSegment(header, length, fill), local.address, remote.address, PROTOCOL.tcp)
  }
}

/** Answers a segment that belongs to no connection (RFC 9293, 3.10.7.1). */
export const refuse = (deps: Sending, received: Received, segment: Segment): void => {
  if (segment.flags & FLAG.rst) return
  const acknowledged = (segment.flags & FLAG.ack) !== 0
  const length = segment.payload.length + (segment.flags & FLAG.syn ? 1 : 0) + (segment.flags & FLAG.fin ? 1 : 0)
  const source = received.destination.slice()
  const destination = received.source.slice()
  const outgoing = buildSegment(
    {
      source,
      destination,
      sourcePort: segment.destinationPort,
      destinationPort: segment.sourcePort,
      sequence: acknowledged ? segment.acknowledgment : 0,
      acknowledgment: acknowledged ? 0 : seqAdd(segment.sequence, length),
      flags: acknowledged ? FLAG.rst : FLAG.rst | FLAG.ack,
      window: 0,
      mss: -1,
      windowScale: -1,
    },
    0,
  )
  deps.send(outgoing, source, destination, PROTOCOL.tcp)
}
