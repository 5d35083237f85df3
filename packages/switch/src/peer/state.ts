import {
  ShapeMismatch,
  bytes,
  flag,
  integer,
  list,
  number,
  object,
  oneOf,
  optional,
  stateForm,
  text,
  u16,
  u32,
  u8,
  type Shape,
  type StateForm,
} from '@vmbus/world'
import { budgetState, macNumber } from '../state.ts'
import type { PeerState } from './interface.ts'
import { MOST_NEIGHBOURS, MOST_WAITING, type Neighbour } from './neighbours.ts'
import { MOST_FRAMES } from './outbox.ts'
import { MOST_DATAGRAMS, MOST_PARTS, type PartialDatagram } from './reassembly.ts'
import type { ReceiveBuffer, SendBuffer } from './tcp/buffers.ts'
import type { Endpoint, TcpNumbers } from './tcp/control.ts'
import type { TcpSocketState } from './tcp/socket.ts'

const ip: Shape<Uint8Array> = (value, at) => {
  const address = bytes()(value, at)
  if (address.length === 4 || address.length === 16) return address
  throw new ShapeMismatch(at, address, '4 or 16 bytes')
}
const endpoint = object<Endpoint>({ address: ip, port: u16 })
/** Reference time, 100 ns units; Infinity is never. */
const time = number()
const count = integer()
const size = integer(0, 0x4000_0000)

const neighbour = object<Neighbour>({
  address: ip,
  mac: (value, at) => (value === -1 ? -1 : macNumber(value, at)),
  confirmedAt: time,
  askedAt: time,
  tries: count,
  waiting: list(bytes(), 0, MOST_WAITING),
})

const LARGEST_DATAGRAM = 65_535
const partial = object<PartialDatagram>({
  key: text,
  until: time,
  source: ip,
  destination: ip,
  protocol: u8,
  hops: u8,
  parts: list(object({ offset: integer(0, LARGEST_DATAGRAM), bytes: bytes() }), 0, MOST_PARTS),
  total: integer(-1, LARGEST_DATAGRAM),
  held: integer(0, LARGEST_DATAGRAM),
})

const numbers = object<TcpNumbers>({
  state: oneOf(
    'syn-sent',
    'syn-received',
    'established',
    'fin-wait-1',
    'fin-wait-2',
    'close-wait',
    'closing',
    'last-ack',
    'time-wait',
    'closed',
  ),
  passive: flag,
  iss: u32,
  una: u32,
  nxt: u32,
  max: u32,
  window: size,
  wl1: u32,
  wl2: u32,
  largestWindow: size,
  sendShift: integer(0, 14),
  mss: u16,
  cwnd: number(0),
  ssthresh: number(0),
  duplicateAcks: count,
  recovering: flag,
  recover: u32,
  srtt: number(-1),
  rttvar: number(0),
  rto: number(0),
  timedTo: integer(-1, 0xffff_ffff),
  timedAt: time,
  retries: count,
  finQueued: flag,
  irs: u32,
  receiveShift: integer(0, 14),
  advertised: count,
  finAt: integer(-1),
  finReached: flag,
  ackNow: flag,
  unacknowledgedSegments: count,
  retransmitAt: time,
  persistAt: time,
  ackAt: time,
  lingerAt: time,
  askedAt: time,
  resetDue: flag,
  challengedAt: time,
  paused: flag,
  wantsDrain: flag,
  openedTold: flag,
  endedTold: flag,
  closedTold: flag,
  reason: optional(oneOf('closed', 'reset', 'refused', 'timed-out', 'aborted')),
})

/** The send buffer holds at most `capacity` bytes. */
const sending = (capacity: number): Shape<ReturnType<SendBuffer['save']>> => {
  const saved = object<ReturnType<SendBuffer['save']>>({ first: count, bytes: bytes() })
  return (value, at) => {
    const parsed = saved(value, at)
    if (parsed.bytes.length > capacity) throw new ShapeMismatch(at, parsed.bytes, `at most ${capacity} bytes`)
    return parsed
  }
}

/** What is received lies in the window of `capacity` bytes after what has been read. */
const receiving = (capacity: number): Shape<ReturnType<ReceiveBuffer['save']>> => {
  const saved = object<ReturnType<ReceiveBuffer['save']>>({
    read: count,
    next: count,
    pieces: list(object({ at: count, bytes: bytes() })),
  })
  return (value, at) => {
    const parsed = saved(value, at)
    const { read, next, pieces } = parsed
    if (next < read || next > read + capacity) throw new ShapeMismatch(`${at}.next`, next, 'in the window')
    for (const piece of pieces)
      if (piece.at < read || piece.at + piece.bytes.length > read + capacity)
        throw new ShapeMismatch(`${at}.pieces`, piece.at, 'in the window')
    return parsed
  }
}

/** The saved state of a peer whose sockets have buffers of `capacity` bytes. */
export const peerForm = (capacity: number): StateForm<Omit<PeerState, 'kind' | 'v'>> =>
  stateForm('peer', 1, {
    identification: u32,
    budget: budgetState,
    outbox: list(bytes(), 0, MOST_FRAMES),
    neighbours: list(neighbour, 0, MOST_NEIGHBOURS),
    partials: list(partial, 0, MOST_DATAGRAMS),
    tcp: object({
      nextId: integer(1),
      sockets: list(
        object<TcpSocketState>({
          id: integer(1),
          local: endpoint,
          remote: endpoint,
          numbers,
          sending: sending(capacity),
          receiving: receiving(capacity),
        }),
      ),
    }),
  })
