import { TICKS_PER_MS, TICKS_PER_SECOND } from '@vmbus/world'
import type { IpBytes } from '../address.ts'
import type { ReceiveBuffer, SendBuffer } from './buffers.ts'

export type TcpState =
  | 'syn-sent'
  | 'syn-received'
  | 'established'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'close-wait'
  | 'closing'
  | 'last-ack'
  | 'time-wait'
  | 'closed'

/** `closed` both ends said all · `reset` by the other end · `refused` likewise, before it opened · `timed-out` no answer · `aborted` by us. */
export type CloseReason = 'closed' | 'reset' | 'refused' | 'timed-out' | 'aborted'

export interface Endpoint {
  readonly address: IpBytes
  readonly port: number
}

/** The plain numbers of a connection (RFC 9293, 3.3.1; RFC 5681; RFC 6298). Times are 100 ns units, Infinity is off. */
export interface TcpNumbers {
  state: TcpState
  /** Opened by a listener on our port. */
  readonly passive: boolean
  readonly iss: number
  /** Oldest unacknowledged, next to send, highest sent. */
  una: number
  nxt: number
  max: number
  /** The other end's window in bytes, and the segment that last set it. */
  window: number
  wl1: number
  wl2: number
  largestWindow: number
  sendShift: number
  mss: number
  cwnd: number
  ssthresh: number
  duplicateAcks: number
  recovering: boolean
  recover: number
  srtt: number
  rttvar: number
  rto: number
  /** A segment being timed ends here; timing since. */
  timedTo: number
  timedAt: number
  retries: number
  finQueued: boolean
  irs: number
  receiveShift: number
  /** The right edge of the window that we advertised, as a stream position. */
  advertised: number
  /** Stream position of the other end's FIN, -1 until it is known; then whether all before it has come. */
  finAt: number
  finReached: boolean
  ackNow: boolean
  unacknowledgedSegments: number
  retransmitAt: number
  persistAt: number
  ackAt: number
  lingerAt: number
  /** The owner has asked for something, which is done when the timer fires: its own calls call it back never. */
  askedAt: number
  resetDue: boolean
  challengedAt: number
  paused: boolean
  wantsDrain: boolean
  /** Which of the once-only callbacks have been made. */
  openedTold: boolean
  endedTold: boolean
  closedTold: boolean
  /** Set when `closed` is due. */
  reason: CloseReason | undefined
}

/** A connection: its ends, its numbers and its bytes. */
export interface Connection {
  readonly id: number
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly n: TcpNumbers
  readonly sending: SendBuffer
  readonly receiving: ReceiveBuffer
  /** The time that its timer is set to. */
  armedAt: number
}

export const LIMIT = {
  firstRto: TICKS_PER_SECOND, // RFC 6298, 2.1
  leastRto: 200 * TICKS_PER_MS, // below the RFC's 1 s, as Linux (TCP_RTO_MIN)
  mostRto: 60 * TICKS_PER_SECOND,
  synRetries: 6, // as Linux (tcp_syn_retries)
  retries: 15, // as Linux (tcp_retries2)
  delayedAck: 40 * TICKS_PER_MS, // as Linux (TCP_DELACK_MIN)
  timeWait: 60 * TICKS_PER_SECOND, // as Linux (TCP_TIMEWAIT_LEN); a shorter one would reset an end whose last FIN waits for its back-off
  finWait2: 600 * TICKS_PER_SECOND, // an end that has stopped reading is not waited for longer
  initialWindow: 10, // segments, RFC 6928
  leastMss: 48, // as Linux (TCP_MIN_MSS)
} as const

export function newNumbers(
  state: TcpState,
  passive: boolean,
  iss: number,
  mss: number,
  receiveShift: number,
): TcpNumbers {
  return {
    state,
    passive,
    iss,
    una: iss,
    nxt: iss,
    max: iss,
    window: 0,
    wl1: 0,
    wl2: 0,
    largestWindow: 0,
    sendShift: 0,
    mss,
    cwnd: mss * LIMIT.initialWindow,
    ssthresh: 0x4000_0000,
    duplicateAcks: 0,
    recovering: false,
    recover: iss,
    srtt: -1,
    rttvar: 0,
    rto: LIMIT.firstRto,
    timedTo: -1,
    timedAt: 0,
    retries: 0,
    finQueued: false,
    irs: 0,
    receiveShift,
    advertised: 0,
    finAt: -1,
    finReached: false,
    ackNow: false,
    unacknowledgedSegments: 0,
    retransmitAt: Infinity,
    persistAt: Infinity,
    ackAt: Infinity,
    lingerAt: Infinity,
    askedAt: Infinity,
    resetDue: false,
    challengedAt: -Infinity,
    paused: false,
    wantsDrain: false,
    openedTold: false,
    endedTold: false,
    closedTold: false,
    reason: undefined,
  }
}

/** Whether the handshake is done and the connection not over. */
export const isSynchronized = (state: TcpState): boolean =>
  state !== 'syn-sent' && state !== 'syn-received' && state !== 'closed'

export const deadlineOf = (n: TcpNumbers): number =>
  Math.min(n.retransmitAt, n.persistAt, n.ackAt, n.lingerAt, n.askedAt)

/** Ends a connection: nothing more is sent or timed. The first reason stands. */
export function finish(n: TcpNumbers, reason: CloseReason): void {
  n.reason ??= reason
  n.state = 'closed'
  n.retransmitAt = n.persistAt = n.ackAt = n.lingerAt = Infinity
  n.ackNow = false
}
